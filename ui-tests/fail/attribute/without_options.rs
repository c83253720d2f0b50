use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa]
struct Verdict {
    #[spoa()]
    score: u8,
}

#[derive(FromValue)]
enum Method {
    #[spoa]
    Get,
}

fn main() {}
