use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    #[value(GET)]
    Get,
    #[value = "POST"]
    Post,
}

fn main() {}
