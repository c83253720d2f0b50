use spoa::prelude::*;

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(indx = 0)]
    path: &'a str,
}

#[spoe_message("check")]
fn check(request: Request<'_>) {
    let _ = request.path;
}

fn main() {}
