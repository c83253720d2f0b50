use spoa::prelude::*;

#[spoe_message(b"check")]
fn check_request() {}

fn main() {}
