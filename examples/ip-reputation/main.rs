//! Scores client addresses: the service of SPOE.txt 2.5.

use spoa::prelude::*;
use std::net::IpAddr;

/// Scores a client address: 100 is safe, 0 is hostile.
///
/// HAProxy sends the message when a client's session begins, and with keep-alive at each request.
#[spoe_message("get-ip-reputation", event = "on-client-session")]
fn ip_reputation(#[arg(sample = "src")] ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", score(ip))
}

/// Gives nearer addresses a higher score. A real agent would ask a database.
fn score(ip: IpAddr) -> u8 {
    match ip.to_canonical() {
        ip if ip.is_loopback() => 100,
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => 80,
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => 80,
        // No client can have such an address.
        ip if ip.is_unspecified() || ip.is_multicast() => 0,
        IpAddr::V4(ip) if ip.is_broadcast() => 0,
        // Documentation addresses (RFC 5737, RFC 3849) belong in examples, not in packets.
        IpAddr::V4(ip) if ip.is_documentation() => 20,
        IpAddr::V6(ip) if ip.segments().starts_with(&[0x2001, 0x0db8]) => 20,
        _ => 50,
    }
}

fn main() {
    spoa::run!()
}

#[cfg(test)]
mod tests {
    use super::{ip_reputation, score};
    use spoa::agent::Agent;
    use spoa::prelude::*;
    use spoa::testing::HaProxy;
    use std::net::IpAddr;

    #[test]
    fn a_hostile_client_is_denied() {
        let agent = Agent::builder()
            .name("ip-reputation")
            .handlers(handlers![ip_reputation]);
        let haproxy = HaProxy::agent(agent)
            .rules(include_str!("site.cfg"))
            .start();
        for (ip, score, status) in [
            ([127, 0, 0, 1], "100", 200),
            ([192, 0, 2, 7], "20", 200),
            ([0, 0, 0, 0], "0", 403),
        ] {
            let reply = haproxy.get("/").from(IpAddr::from(ip)).send();
            assert_eq!(
                (reply.var("sess.ip_score"), reply.status),
                (Some(score), status)
            );
        }
    }

    #[test]
    fn nearer_addresses_score_higher() {
        let scores = [
            ("127.0.0.1", 100),
            ("::1", 100),
            ("::ffff:127.0.0.1", 100),
            ("10.1.2.3", 80),
            ("fe80::1", 80),
            ("fd00::1", 80),
            ("8.8.8.8", 50),
            ("2606:4700::1111", 50),
            ("192.0.2.7", 20),
            ("2001:db8::7", 20),
            ("0.0.0.0", 0),
            ("255.255.255.255", 0),
            ("ff02::1", 0),
        ];
        for (ip, expected) in scores {
            assert_eq!(score(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
