use spoa::prelude::*;

#[derive(FromMessage)]
#[spoa(krate = spoa)]
struct Request<'a> {
    path: &'a str,
}

#[spoe_message("check")]
fn check(request: Request<'_>) {
    let _ = request.path;
}

fn main() {}
