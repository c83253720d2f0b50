use spoa::prelude::*;

#[derive(FromValue)]
enum Method {
    #[value("GET")]
    Get,
}

fn main() {}
