use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(index = 1)] path: &str, #[arg(index = 1)] url: &str) {
    let _ = (path, url);
}

fn main() {}
