use spoa::prelude::*;

#[derive(FromValue)]
struct Range(u8, u8);

fn main() {}
