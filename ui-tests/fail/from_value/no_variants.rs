use spoa::prelude::*;

#[derive(FromValue)]
enum Method {}

fn main() {}
