use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(sample = "path")]
    path: Text<'a>,
}

#[derive(FromMessage)]
struct Outer<'a> {
    request: Request<'a>,
}

#[spoe_message("check", event = "on-client-session")]
fn check(request: Outer<'_>) {
    let _ = request.request.path;
}

fn main() {}
