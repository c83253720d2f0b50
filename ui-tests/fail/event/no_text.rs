use spoa::prelude::*;

#[spoe_message("check", event = on_client_session)]
fn check() {}

fn main() {}
