//! Addresses of servers and listeners as HAProxy writes them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address that can be compared with another one.
///
/// ```
/// use spoa_facts::Address;
///
/// let (listener, server) = (Address::parse(":12345").unwrap(), Address::parse("127.0.0.1:12345").unwrap());
/// assert!(listener.takes(&server));
/// assert_eq!(Address::parse("agents.example:12345"), None);
/// ```
///
/// These are all addresses at which an agent can listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Socket(SocketAddr),
    /// The path of a unix socket.
    Unix(String),
}

impl Address {
    /// Reads an address as HAProxy or an agent writes it. `None` for host names, abstract sockets, file
    /// descriptors and whatever else there is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
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

    /// Returns whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Address::Unix(_) => true,
            Address::Socket(address) => address.ip().is_loopback(),
        }
    }

    /// Returns whether a connection to `other` can arrive at a listener with this address.
    #[must_use]
    pub fn takes(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Unix(one), Address::Unix(other)) => one == other,
            (Address::Socket(one), Address::Socket(other)) => {
                one.port() == other.port() && (one.ip().is_unspecified() || one.ip() == other.ip())
            }
            _ => false,
        }
    }
}

/// Returns the address at which HAProxy on the same machine reaches a listener: the word after
/// `server NAME`. `None` if it is not known before the agent runs.
///
/// ```
/// assert_eq!(spoa_facts::server_address(":12345").as_deref(), Some("127.0.0.1:12345"));
/// ```
#[must_use]
pub fn server_address(listener: &str) -> Option<String> {
    // The options after a comma, mode and owner, are the listener's own.
    let listener = listener.split(',').next().unwrap_or(listener).trim();
    if is_unix(listener) {
        return Some(listener.to_owned());
    }
    let (host, port) = listener.rsplit_once(':')?;
    if port.parse::<u16>().ok()? == 0 {
        return None;
    }
    let host = match host {
        "" | "*" | "0.0.0.0" | "[::]" => "127.0.0.1",
        host => host,
    };
    Some(format!("{host}:{port}"))
}

/// Returns whether an address is that of a unix socket, with a path or abstract.
///
/// ```
/// assert!(spoa_facts::is_unix("unix@/run/agent.sock") && spoa_facts::is_unix("abns@agent"));
/// assert!(!spoa_facts::is_unix("127.0.0.1:12345"));
/// ```
#[must_use]
pub fn is_unix(address: &str) -> bool {
    address.starts_with("unix@") || address.starts_with("abns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_accepts_the_server_addresses_that_reach_it() {
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
    fn only_ip_addresses_and_paths_can_be_compared() {
        for text in ["agents.example:12345", "fd@3", "abns@spoa", "", "127.0.0.1"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn haproxy_connects_to_where_the_agent_listens() {
        for (listener, server) in [
            ("127.0.0.1:12345", Some("127.0.0.1:12345")),
            (":12345", Some("127.0.0.1:12345")),
            ("0.0.0.0:1", Some("127.0.0.1:1")),
            ("[::]:1", Some("127.0.0.1:1")),
            ("[::1]:1", Some("[::1]:1")),
            ("unix@/run/a.sock,mode=660", Some("unix@/run/a.sock")),
            ("abns@a", Some("abns@a")),
            ("127.0.0.1:0", None),
            ("fd@3", None),
        ] {
            assert_eq!(server_address(listener).as_deref(), server, "{listener}");
        }
    }
}
