use spoa::{prelude::*, Context, State, spop::Value};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

#[derive(FromValue)]
struct Port(u16);

/// Accepts what its field accepts.
#[derive(FromValue)]
struct Token<'a>(Option<&'a [u8]>);

#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(sample = "method")]
    method: &'a str,
    #[spoa("user-agent", sample = "req.fhdr(user-agent),lower")]
    agent: Option<Text<'a>>,
    #[spoa(sample = "req.fhdr(referer)", reject)]
    referer: Option<&'a str>,
    #[spoa(sample = "query", default)]
    query: &'a [u8],
    #[spoa(sample = "req.fhdr(authorization)")]
    token: Token<'a>,
    #[spoa(sample = "req.body_size")]
    size: u64,
    #[spoa(sample = "req.hdr(host),map(/etc/hosts.map,none)", default)]
    customer: &'a str,
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
    #[arg(sample = "req.hdr(x-real-ip)")] real: Result<IpAddr, Mismatch>,
    #[arg(sample = "dst_port", default = 443)] port: u16,
    #[arg(sample = "src_port")] source: Port,
    #[arg(sample = "req.hdr(x-id)")] id: Option<Result<Parse<u64>, Mismatch>>,
    #[arg(sample = "ssl_fc")] tls: bool,
    #[arg(sample = "var(txn.anything)")] any: i8,
    #[arg(sample = "var(txn.value)")] value: Value<'m>,
    #[arg(sample = "req.body")] body: &'m [u8],
    #[arg(sample = r"str(a\ b)")] words: Cow<'m, str>,
    #[arg(index = 3, sample = "path,lower")] path: Text<'m>,
    #[arg(sample_unchecked = "lua.score(1)")] score: i64,
    request: Request<'m>,
    State(limit): State<'_, u32>,
    context: Context<'_>,
) {
    let _ = (ip, v4, real, port, source.0, id.map(|id| id.map(|Parse(id)| id)), tls, any, value, body, words);
    let _ = (request.size, request.customer);
    let _ = (path, score, request.method, request.agent, request.referer, request.query, request.token.0, limit, context);
}

#[spoe_message("answered", group = "answers")]
fn answered(#[arg(sample = "status")] status: u16) {
    let _ = status;
}

fn main() {}
