use spoa::http::Verdict;
use spoa::prelude::*;

struct Firewall;

#[spoe_message("inspect")]
fn inspect() -> Verdict<Firewall> {
    Verdict::allow()
}

fn main() {}
