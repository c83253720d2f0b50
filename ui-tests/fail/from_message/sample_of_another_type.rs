use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(sample = "path")]
    path: Text<'a>,
    #[spoa(sample = "src")]
    agent: Option<&'a str>,
}

fn main() {}
