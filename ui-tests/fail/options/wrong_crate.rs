use spoa::prelude::*;

#[spoe_message("check", crate = haproxy)]
fn check() {}

fn main() {}
