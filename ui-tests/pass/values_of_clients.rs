//! Types that take what a client, or a server, can send, or that say what happens otherwise.

use spoa::handler::Mismatch;
use spoa::prelude::*;

#[spoe_message("request", event = "on-frontend-http-request")]
fn request(
    user_agent: Option<&[u8]>,
    #[arg(default)] referer: &[u8],
    path: Result<&[u8], Mismatch>,
    #[arg(reject)] cookie: &[u8],
    // No request has a status.
    status: u8,
) {
    let _ = (user_agent, referer, path, cookie, status);
}

#[spoe_message("response", event = "on-http-response")]
fn response(
    status: u16,
    #[arg(sample = "status,div(100)")] class: u8,
    #[arg("code", sample = "status", reject)] code: u8,
    // A response has headers of its own.
    content_type: &[u8],
) {
    let _ = (status, class, code, content_type);
}

#[spoe_message("any")]
fn any(status: Result<u8, Mismatch>, #[arg(sample = "status")] again: i32) {
    let _ = (status, again);
}

fn main() {}
