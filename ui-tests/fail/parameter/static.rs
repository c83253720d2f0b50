use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: &'static str) {
    let _ = path;
}

fn main() {}
