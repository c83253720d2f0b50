use spoa::prelude::*;

#[spoe_message("check")]
fn check(paths: Vec<String>) {
    let _ = paths;
}

fn main() {}
