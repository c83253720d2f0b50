use spoa::prelude::*;

#[spoe_message("check", set = "sess.ratio")]
fn check(value: u8) -> f32 {
    f32::from(value)
}

fn main() {}
