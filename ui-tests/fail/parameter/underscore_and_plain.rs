use spoa::prelude::*;

#[spoe_message("check")]
fn check(id: u32, _id: u32) {
    let _ = id;
}

fn main() {}
