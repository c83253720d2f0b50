use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[cfg(unix)] path: &str) {
    let _ = path;
}

fn main() {}
