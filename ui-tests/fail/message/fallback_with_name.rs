use spoa::prelude::*;

#[spoe_fallback("check")]
fn check() {}

fn main() {}
