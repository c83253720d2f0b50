use spoa::prelude::*;

#[derive(FromMessage)]
struct Request;

fn main() {}
