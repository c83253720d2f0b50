use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    Get,
    Other(String),
}

fn main() {}
