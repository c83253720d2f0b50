use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    #[spoa(name = "ip_score")]
    score: u8,
}

#[derive(FromValue)]
enum Method {
    #[spoa(name = "GET")]
    Get,
}

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(name = "user-agent")]
    agent: Option<&'a str>,
}

fn main() {}
