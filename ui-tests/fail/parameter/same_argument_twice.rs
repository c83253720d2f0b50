use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: &str, #[arg("path")] url: &str) {
    let _ = (path, url);
}

fn main() {}
