use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a>(&'a str, #[spoa("ip")] std::net::IpAddr);

fn main() {}
