use spoa::prelude::*;

#[derive(FromValue)]
struct Nothing;

fn main() {}
