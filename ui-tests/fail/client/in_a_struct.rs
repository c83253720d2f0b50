use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa("request-path", sample = "path")]
    path: &'a str,
    query: String,
}

#[spoe_message("check")]
fn check(request: Request<'_>) {
    let _ = (request.path, request.query);
}

fn main() {}
