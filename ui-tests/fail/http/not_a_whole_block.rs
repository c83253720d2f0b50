//! Headers from samples that are not a whole block of headers.

use spoa::http::Headers;
use spoa::prelude::*;

#[spoe_message("check", event = "on-frontend-http-request")]
fn check(
    #[arg(sample = "req.body")] _body: Headers<'_>,
    #[arg(sample = "req.hdrs_bin,bytes(0,1000)")] _cut: Headers<'_>,
    #[arg(sample = "src")] _ip: Headers<'_>,
) {
}

fn main() {}
