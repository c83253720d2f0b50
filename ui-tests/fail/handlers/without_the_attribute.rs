use spoa::prelude::*;

#[spoe_message("check")]
fn check() {}

fn plain() {}

fn main() {
    let _ = handlers![check, plain];
}
