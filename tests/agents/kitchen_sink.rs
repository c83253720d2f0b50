//! An agent with a handler for each way in which HAProxy can be told to send a message.

use spoa::prelude::*;
use std::net::IpAddr;

/// Knows the client.
#[spoe_message("client", event = "on-client-session", set = "sess.loopback")]
fn client(#[arg(sample = "src")] ip: IpAddr) -> bool {
    ip.is_loopback()
}

/// Knows the connection.
#[spoe_message("connection", event = "on-frontend-tcp-request", set = "txn.port")]
fn connection(#[arg("dst-port", sample = "dst_port")] port: u16) -> u16 {
    port
}

/// The parts of a request.
#[derive(Debug, FromMessage)]
struct Body<'a> {
    #[spoa(sample = "req.body_size", default)]
    size: u64,
    #[spoa(sample = "req.body", default)]
    body: &'a [u8],
}

/// Judges what could change something.
///
/// A second paragraph.
#[spoe_message(
    "request",
    event = "on-frontend-http-request",
    condition = "if { path_beg /api/ } or { method POST }",
    timeout = "700ms"
)]
async fn request(
    #[arg(sample = "path,lower")] path: Text<'_>,
    #[arg("user-agent", sample = "req.fhdr(user-agent)", default)] agent: &[u8],
    body: Body<'_>,
) -> (SetVar<bool>, SetVar<u64>, SetVar<u64>) {
    tokio::task::yield_now().await;
    let harmful = path.contains("harm") || agent == b"harm" || body.body == b"harm";
    (
        SetVar::transaction("blocked", harmful),
        SetVar::transaction("size", body.size),
        SetVar::process("judged", 1),
    )
}

#[spoe_message(
    "backend",
    event = "on-backend-http-request",
    condition = "unless { path_beg /static/ }",
    set = "txn.after"
)]
fn backend(#[arg(sample = "method")] method: &str) -> String {
    method.to_ascii_lowercase()
}

#[spoe_message("server", event = "on-server-session", set = "txn.server")]
fn server() -> bool {
    true
}

#[spoe_message("answer", event = "on-http-response", set = "txn.class")]
fn answer(#[arg(sample = "status")] status: u16, #[arg(sample = "be_name")] name: &str) -> String {
    format!("{name}-{}xx", status / 100)
}

#[spoe_message(
    "route",
    group = "routing",
    condition = "if !{ path_beg /static/ }",
    set = "txn.route"
)]
fn route(
    #[arg(index = 0, sample = "path")] path: Text<'_>,
    #[arg(index = 2, sample = "fe_name")] frontend: &str,
    #[arg(sample = "ssl_fc")] ssl: bool,
) -> String {
    format!("{frontend}{path}{ssl}")
}

#[spoe_message("mark", group = "routing", blocking, set = "req.mark")]
fn mark(#[arg(sample = "str(a b)")] words: &str) -> String {
    words.to_owned()
}

#[spoe_message("first-bytes", group = "early", set = "txn.bytes")]
fn first_bytes(#[arg(sample = "req.len")] length: u64) -> bool {
    length > 0
}

#[spoe_message("leaving", group = "late", set = "res.left")]
fn leaving(#[arg(sample = "res.fhdr(content-type)")] kind: Option<&str>) -> &'static str {
    if kind.is_some() { "text" } else { "none" }
}

/// Nobody has said when this one is sent, nor where all of its arguments come from.
#[spoe_message("unsaid", set = "txn.guessed")]
fn unsaid(user_agent: Option<Text<'_>>, level: u8, cart: Option<&str>) -> String {
    format!(
        "{}{level}{}",
        user_agent.as_deref().unwrap_or("nobody"),
        cart.is_none()
    )
}

#[spoe_fallback]
fn any_other() {}

fn main() {
    spoa::run!(name = "kitchen sink")
}
