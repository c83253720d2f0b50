use spoa::prelude::*;

#[spoe_message("check")]
fn check<T: Default>(value: T) {
    let _ = value;
}

fn main() {}
