use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    #[spoa(GET)]
    Get,
    #[spoa = "POST"]
    Post,
}

fn main() {}
