use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "url_param(id)")] value: Option<Parse<u64>>) {
    let _ = value;
}

fn main() {}
