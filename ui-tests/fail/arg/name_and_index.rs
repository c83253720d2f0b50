use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg("path", index = 0)] path: &str) {
    let _ = path;
}

fn main() {}
