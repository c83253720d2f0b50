use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a, 'b> {
    path: &'a str,
    host: &'b str,
}

fn main() {}
