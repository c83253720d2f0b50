use spoa::prelude::*;

#[derive(FromMessage)]
struct Request {
    path: &'static str,
}

fn main() {}
