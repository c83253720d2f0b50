use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[arg(sample = "path")]
    path: Text<'a>,
    #[arg(sample = "src")]
    agent: Option<&'a str>,
}

fn main() {}
