use spoa::prelude::*;

#[spoe_message("count", event = "on-http-response")]
fn by_its_name(status: u8) {
    let _ = status;
}

#[spoe_message("record")]
fn by_its_sample(#[arg(sample = "status")] code: Option<u8>) {
    let _ = code;
}

// Another sample may have this name, and these types hold each status.
#[spoe_message("open")]
fn of_any_event(status: u8) {
    let _ = status;
}
#[spoe_message("fine", event = "on-http-response")]
fn fine(status: u16, #[arg(sample = "status")] again: i32) {
    let _ = (status, again);
}

fn main() {}
