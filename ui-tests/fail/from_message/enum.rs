use spoa::prelude::*;

#[derive(FromMessage)]
enum Request {
    Get,
    Post,
}

fn main() {}
