use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = r#""str($NAME)""#)] value: &str) {
    let _ = value;
}

fn main() {}
