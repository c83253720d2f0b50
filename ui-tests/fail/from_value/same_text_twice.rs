use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    Get,
    #[value("get")]
    Fetch,
}

fn main() {}
