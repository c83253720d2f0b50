use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    path: Text<'a>,
    ratio: f64,
}

#[spoe_message("check")]
fn check(request: Request<'_>) {
    let _ = (request.path, request.ratio);
}

fn main() {}
