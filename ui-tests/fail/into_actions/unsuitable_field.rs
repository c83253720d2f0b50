use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    ratio: f64,
}

#[spoe_message("check")]
fn check() -> Verdict {
    Verdict { ratio: 0.5 }
}

fn main() {}
