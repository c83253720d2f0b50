//! An agent that lets a request pass if two of its cookies have the right values, to be measured by `benches/beside`.

use spoa::http::{Headers, Verdict};
use spoa::prelude::*;

/// Looks at the cookies.
#[spoe_message("inspect", event = "on-frontend-http-request")]
fn inspect(headers: Headers<'_>) -> Verdict {
    let cookies = headers.cookies();
    let session = cookies.get("session");
    if session.is_some_and(|id| id.len() == 32) && cookies.get("theme") == Some(b"dark") {
        Verdict::allow()
    } else {
        Verdict::deny::<403>()
    }
}

fn main() {
    spoa::run!()
}
