use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(defualt)] path: &str) {
    let _ = path;
}

fn main() {}
