//! Handlers that do almost nothing, so that the benchmarks measure the framework.

use spoa::handler::Definition;
use spoa::http::{Headers, Verdict};
use spoa::prelude::*;
use std::net::IpAddr;
use std::time::Duration;

/// The handler of the example `ip-reputation`: one address in, one variable out.
#[spoe_message("get-ip-reputation")]
pub fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", score(ip))
}

fn score(ip: IpAddr) -> u8 {
    let last = match ip {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    last % 101
}

/// Three strings, as a message with a request's line has them.
#[spoe_message("check-request")]
pub fn check_request(method: &str, path: Text<'_>, host: Text<'_>) -> SetVar<i64> {
    let bytes = method.len() + path.len() + host.len();
    SetVar::transaction("bytes", i64::try_from(bytes).unwrap_or_default())
}

/// Ten arguments of several types.
#[spoe_message("ten-arguments")]
#[allow(clippy::too_many_arguments)]
pub fn ten_arguments(
    src: IpAddr,
    src_port: u16,
    dst: IpAddr,
    dst_port: u16,
    ssl: bool,
    method: &str,
    path: Text<'_>,
    query: Text<'_>,
    host: Text<'_>,
    #[arg(reject)] ua: Option<&str>,
) -> SetVar<i64> {
    let text = method.len() + path.len() + host.len();
    let text = text + query.len() + ua.unwrap_or_default().len();
    let rest = u64::from(score(src)) + u64::from(score(dst)) + u64::from(ssl);
    let ports = u64::from(src_port) + u64::from(dst_port);
    SetVar::transaction(
        "sum",
        i64::try_from(text as u64 + rest + ports).unwrap_or_default(),
    )
}

/// An `async fn` that is ready at once.
#[spoe_message("async-ready")]
pub async fn async_ready(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", score(ip))
}

/// An `async fn` that waits for 1 ms.
#[spoe_message("async-1ms")]
pub async fn async_1ms(ip: IpAddr) -> SetVar<u8> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    SetVar::session("ip_score", score(ip))
}

/// A body.
#[spoe_message("check-body")]
pub fn check_body(body: &[u8]) -> SetVar<i64> {
    SetVar::transaction("bytes", i64::try_from(body.len()).unwrap_or_default())
}

/// The headers of a request, two of its cookies, and a verdict.
#[spoe_message("inspect")]
pub fn inspect(headers: Headers<'_>) -> Verdict {
    let cookies = headers.cookies();
    let (session, theme) = (cookies.get("session"), cookies.get("theme"));
    if session.is_some_and(|id| id.len() == 32) && theme == Some(b"dark") {
        Verdict::allow()
    } else {
        Verdict::deny::<403>()
    }
}

/// A decision about a request of a browser: twelve arguments, 20 headers among them, and two of its cookies.
#[spoe_message("judge")]
#[allow(clippy::too_many_arguments)]
pub fn judge(
    src: IpAddr,
    src_port: u16,
    dst_port: u16,
    tls: bool,
    id: &str,
    method: &str,
    version: &str,
    path: Text<'_>,
    query: Option<Text<'_>>,
    host: Text<'_>,
    ua: Text<'_>,
    headers: Headers<'_>,
) -> Verdict {
    let cookies = headers.cookies();
    let known = cookies
        .get("session")
        .is_some_and(|session| session.len() == 32);
    let dark = cookies.get("theme") == Some(b"dark");
    let query = query.map_or(0, |query| query.len());
    let text = id.len() + method.len() + version.len() + path.len() + query + host.len() + ua.len();
    let ports = usize::from(src_port) + usize::from(dst_port) + usize::from(tls);
    if known && dark && score(src) <= 100 && text < 4096 && ports > 0 {
        Verdict::allow()
    } else {
        Verdict::deny::<403>()
    }
}

/// Returns the score of an address, when its time has come.
#[spoe_message("slow")]
pub async fn slow(ip: IpAddr) -> SetVar<u8> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    SetVar::session("ip_score", score(ip))
}

/// Does nothing with the message that `inspect` reads.
#[spoe_message("ignore")]
pub fn ignore() {}

/// Returns all handlers of this module.
#[must_use]
pub fn all() -> Vec<&'static Definition> {
    handlers![
        ip_reputation,
        check_request,
        ten_arguments,
        async_ready,
        async_1ms,
        check_body,
        inspect,
        judge,
        ignore
    ]
    .into_iter()
    .collect()
}
