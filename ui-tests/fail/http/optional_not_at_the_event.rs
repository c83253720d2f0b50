//! Optional types of several arguments, at events at which HAProxy does not have their samples.

use spoa::http::{Body, ClientIp, Cookies};
use spoa::prelude::*;

#[spoe_message("session", event = "on-client-session")]
fn session(_cookies: Option<Cookies<'_>>, _body: Result<Body<'_>, Mismatch>) {}

#[spoe_message("response", event = "on-http-response")]
fn response(_client: Option<ClientIp>) {}

fn main() {}
