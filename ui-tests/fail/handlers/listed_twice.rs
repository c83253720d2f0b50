use spoa::prelude::*;

#[spoe_message("check")]
fn check() {}

fn main() {
    let _ = handlers![check, check];
}
