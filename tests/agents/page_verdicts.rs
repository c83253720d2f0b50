//! The handler that `docs/verdicts.md` shows.

use spoa::http::Verdict;
use spoa::prelude::*;

spoa::outcomes! {
    /// The verdicts of the firewall.
    pub struct Firewall {
        deny: 403, 429;
        redirect: 302;
        drop;
    }
}

#[spoe_message("inspect", event = "on-frontend-http-request")]
fn inspect(path: Text<'_>) -> Verdict<Firewall> {
    match &*path {
        "/.env" => Verdict::deny::<403>().reason("a file of secrets"),
        "/old" => Verdict::redirect::<302>("/new"),
        _ => Verdict::allow(),
    }
}

fn main() {
    spoa::run!(name = "waf")
}
