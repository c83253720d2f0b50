use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    path: &'a str,
    #[arg("path")]
    url: &'a str,
}

fn main() {}
