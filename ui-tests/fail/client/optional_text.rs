use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.fhdr(user-agent),lower")] value: Option<String>) {
    let _ = value;
}

fn main() {}
