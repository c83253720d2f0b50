use spoa::prelude::*;

#[spoe_fallback]
fn first() {}

#[spoe_fallback]
fn second() {}

fn main() {
    let _ = handlers![first, second];
}
