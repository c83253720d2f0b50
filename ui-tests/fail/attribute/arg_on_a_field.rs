use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[arg("user-agent", default)]
    agent: Option<&'a str>,
}

fn main() {}
