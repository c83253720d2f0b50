use spoa::prelude::*;

#[spoe_message("count", event = "on-http-response")]
fn by_its_name(status: u8) {
    let _ = status;
}

#[spoe_message("record")]
fn by_its_sample(#[arg(sample = "status")] code: Option<u8>) {
    let _ = code;
}

#[spoe_message("open")]
fn of_any_event(status: u8) {
    let _ = status;
}

fn main() {}
