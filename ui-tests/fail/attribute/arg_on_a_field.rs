use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[arg("user-agent", default)]
    agent: Option<&'a str>,
    #[arg(default = 443)]
    port: u16,
}

fn main() {}
