use spoa::prelude::*;

#[spoe_message()]
fn check_request() {}

fn main() {}
