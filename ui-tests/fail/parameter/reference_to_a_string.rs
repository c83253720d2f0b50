use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: &String) {
    let _ = path;
}

fn main() {}
