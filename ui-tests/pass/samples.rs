use spoa::prelude::*;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

#[derive(FromValue)]
struct Port(u16);

#[derive(FromMessage)]
struct Request<'a> {
    #[arg(sample = "method")]
    method: &'a str,
    #[arg("user-agent", sample = "req.fhdr(user-agent),lower")]
    agent: Option<Cow<'a, str>>,
}

#[deny(elided_lifetimes_in_paths)]
#[spoe_message(
    "check",
    event = "on-frontend-http-request",
    condition = "if ! { src -f /etc/haproxy/allow.lst }"
)]
fn check<'m>(
    #[arg(sample = "src")] ip: IpAddr,
    #[arg(sample = "src")] v4: Option<Ipv4Addr>,
    #[arg(sample = "req.hdr(x-real-ip)")] real: Option<IpAddr>,
    #[arg(sample = "dst_port", default = 443)] port: u16,
    #[arg(sample = "src_port")] source: Port,
    #[arg(sample = "req.hdr(x-id)")] id: Option<Parse<u64>>,
    #[arg(sample = "ssl_fc")] tls: bool,
    #[arg(sample = "var(txn.anything)")] any: i8,
    #[arg(sample = "var(txn.value)")] value: Value<'m>,
    #[arg(sample = "req.body")] body: &'m [u8],
    #[arg(sample = r"str(a\ b)")] words: Cow<'m, str>,
    #[arg(index = 3, sample = "path,lower")] path: &'m str,
    #[arg(sample_unchecked = "lua.score(1)")] score: i64,
    request: Request<'m>,
    State(limit): State<'_, u32>,
    context: Context<'_>,
) {
    let _ = (ip, v4, real, port, source.0, id.map(|Parse(id)| id), tls, any, value, body, words);
    let _ = (path, score, request.method, request.agent, limit, context);
}

#[spoe_message("answered", group = "answers")]
fn answered(#[arg(sample = "status")] status: u16) {
    let _ = status;
}

fn main() {}
