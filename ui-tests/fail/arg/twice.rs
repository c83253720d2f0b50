use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg("path")] #[arg(default)] url: &str) {
    let _ = url;
}

fn main() {}
