//! Types that do not take all that a client can send, or leave out.

use spoa::http::{BearerToken, Host, TraceParent};
use spoa::prelude::*;

#[spoe_message("check", event = "on-frontend-http-request")]
fn check(_host: Host<'_>, _token: BearerToken<'_>, _trace: Option<TraceParent>) {}

#[derive(FromMessage)]
struct Parts<'a> {
    site: Host<'a>,
}

fn main() {}
