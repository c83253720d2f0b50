use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<T> {
    value: T,
}

fn main() {}
