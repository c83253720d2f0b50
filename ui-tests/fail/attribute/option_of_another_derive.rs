use spoa::prelude::*;

#[derive(FromMessage)]
#[spoa(scope = "txn")]
struct Request<'a> {
    #[spoa(flatten)]
    path: Text<'a>,
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict<'a> {
    #[spoa(sample = "path")]
    path: &'a str,
}

#[derive(FromValue)]
#[spoa(scope = "txn")]
struct Id(u64);

fn main() {}
