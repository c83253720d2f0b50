use spoa::prelude::*;

#[spoe_message("größe")]
fn size() {}

fn main() {}
