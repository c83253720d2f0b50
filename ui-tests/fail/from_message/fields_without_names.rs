use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a>(&'a str, #[arg("ip")] std::net::IpAddr);

fn main() {}
