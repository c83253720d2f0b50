use spoa::prelude::*;

struct Ratio(f64);

#[spoe_message("check")]
fn check(Parse(ratio): Parse<Ratio>) {
    let _ = ratio.0;
}

fn main() {}
