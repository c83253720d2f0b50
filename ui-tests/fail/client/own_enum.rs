use spoa::prelude::*;

#[derive(FromValue)]
enum Verb {
    #[spoa("GET")]
    Get,
    #[spoa("POST")]
    Post,
}

#[spoe_message("check")]
fn check(#[arg(sample = "method")] verb: Verb) {
    let _ = matches!(verb, Verb::Get | Verb::Post);
}

fn main() {}
