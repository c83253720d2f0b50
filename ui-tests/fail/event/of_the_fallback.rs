use spoa::prelude::*;

#[spoe_fallback(event = "on-client-session", condition = "if local")]
fn any() {}

fn main() {}
