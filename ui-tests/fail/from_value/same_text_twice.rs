use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    Get,
    #[spoa("get")]
    Fetch,
}

fn main() {}
