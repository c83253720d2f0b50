use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = r"req.body,json_query('$.n')")] value: Option<u64>) {
    let _ = value;
}

fn main() {}
