//! Addresses of servers and of listeners, as far as they can be compared.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address that is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// An address and a port.
    Socket(SocketAddr),
    /// The path of a unix socket.
    Unix(String),
}

impl Address {
    /// Reads what HAProxy and the agent both write; `None` for names and for what else there is.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text
            .strip_prefix("unix@")
            .or_else(|| text.strip_prefix("unix:"))
        {
            // The agent's own notation goes on with `,mode=660`.
            let path = path.split(',').next().unwrap_or(path);
            return Some(Address::Unix(path.to_owned()));
        }
        if text.starts_with('/') {
            return Some(Address::Unix(text.to_owned()));
        }
        let plain = ["ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"];
        let text = plain
            .iter()
            .find_map(|family| text.strip_prefix(family))
            .unwrap_or(text);
        if let Ok(address) = text.parse() {
            return Some(Address::Socket(address));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let host = match host.trim_start_matches('[').trim_end_matches(']') {
            "" | "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.parse().ok()?,
        };
        Some(Address::Socket(SocketAddr::new(host, port)))
    }

    /// Whether only this machine has it.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Address::Unix(_) => true,
            Address::Socket(address) => address.ip().is_loopback(),
        }
    }

    /// Whether a connection to `other` can arrive where this listens.
    pub(super) fn takes(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Unix(one), Address::Unix(other)) => one == other,
            (Address::Socket(one), Address::Socket(other)) => {
                one.port() == other.port() && (one.ip().is_unspecified() || one.ip() == other.ip())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_take_what_arrives_there() {
        for (listener, server, takes) in [
            ("127.0.0.1:12345", "127.0.0.1:12345", true),
            ("127.0.0.1:12345", "127.0.0.1:12346", false),
            ("127.0.0.1:12345", "ipv4@10.0.0.1:12345", false),
            (":12345", "10.0.0.1:12345", true),
            ("[::]:12345", "[::1]:12345", true),
            ("*:12345", "localhost:12345", true),
            ("unix@/run/a.sock", "/run/a.sock", true),
            ("unix@/run/a.sock", "127.0.0.1:12345", false),
            ("unix@/run/a.sock,mode=660", "unix@/run/a.sock", true),
        ] {
            let (one, other) = (Address::parse(listener), Address::parse(server));
            let found = one.is_some_and(|one| other.is_some_and(|other| one.takes(&other)));
            assert_eq!(found, takes, "{listener} {server}");
        }
    }

    #[test]
    fn names_are_no_addresses_to_compare() {
        for text in ["agents.example:12345", "fd@3", "abns@spoa", "", "127.0.0.1"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
