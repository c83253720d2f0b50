//! Handlers as `#[spoe_message]` defines them.

use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message("get-ip-reputation")]
fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
}

#[spoe_message("later")]
async fn later(path: &str, context: Context<'_>) -> Option<SetVar<u64>> {
    std::future::ready(()).await;
    (!path.is_empty()).then(|| SetVar::session("stream", context.stream_id()))
}

#[test]
fn a_handler_is_still_a_function() {
    assert_eq!(*ip_reputation("127.0.0.1".parse().unwrap()).value(), 100);
    assert_eq!(handlers![ip_reputation, later].len(), 2);
}
