use spoa::prelude::*;

#[spoe_message(7)]
fn check_request() {}

fn main() {}
