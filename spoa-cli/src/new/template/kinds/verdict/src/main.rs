//! An agent of HAProxy: it lets each request pass or denies it.

use spoa::http::{Headers, Path, Verdict};
use spoa::prelude::*;

spoa::outcomes! {
    /// The decisions of the agent. `config` writes a rule of HAProxy for each line.
    pub struct Decision {
        deny: 400, 403;
    }
}

/// Denies requests that no visitor of the site sends.
#[spoe_message("inspect", event = "on-frontend-http-request")]
fn inspect(path: Path<'_>, headers: Headers<'_>) -> Verdict<Decision> {
    // A server may take a `%2f` for a `/`.
    let path = path.decoded();
    let mut parts = path.split(|byte| *byte == b'/');
    if parts.any(|part| part.starts_with(b".")) {
        return Verdict::deny::<403>().reason("a hidden file");
    }
    if headers.get_all("host").count() != 1 {
        return Verdict::deny::<400>().reason("not exactly one host");
    }
    Verdict::allow()
}

fn main() {
    spoa::run!(name = env!("CARGO_PKG_NAME"))
}

#[cfg(test)]
mod tests;
