//! Types at events at which HAProxy does not have their samples.

use spoa::http::{Body, Cookies, Headers, Path};
use spoa::prelude::*;

#[spoe_message("session", event = "on-client-session")]
fn session(_headers: Headers<'_>, _body: Body<'_>) {}

#[spoe_message("response", event = "on-http-response")]
fn response(_path: Path<'_>, _other: Option<Path<'_>>, _cookies: Cookies<'_>) {}

fn main() {}
