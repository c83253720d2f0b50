use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    path: &'a str,
    #[spoa("path")]
    url: &'a str,
}

fn main() {}
