use spoa::prelude::*;

#[derive(FromValue)]
struct Id(u64);

#[spoe_message("check")]
fn check(#[arg(sample = "src")] value: Id) {
    let _ = value;
}

fn main() {}
