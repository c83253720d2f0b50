use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: &mut String) {
    path.clear();
}

fn main() {}
