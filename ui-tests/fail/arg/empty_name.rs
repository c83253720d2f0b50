use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg("")] path: &str) {
    let _ = path;
}

fn main() {}
