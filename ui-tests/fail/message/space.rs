use spoa::prelude::*;

#[spoe_message("get ip reputation")]
fn ip_reputation() {}

fn main() {}
