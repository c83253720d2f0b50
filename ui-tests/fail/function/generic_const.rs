use spoa::prelude::*;

#[spoe_message("check")]
fn check<const N: usize>(value: &str) {
    let _ = &value[..N];
}

fn main() {}
