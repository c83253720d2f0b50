//! Which peers of a TCP socket may connect, by their networks.

use crate::agent::error::NetworkError;
use crate::agent::report::rate_limit::{Permitted, ReasonLimits};
use crate::handler::Peer;
use crate::log_target::CONNECTION;
use ipnet::IpNet;
use std::net::IpAddr;

/// The networks that may connect; all, if the list is empty.
#[derive(Debug, Default)]
pub(crate) struct AllowList {
    networks: Vec<IpNet>,
    refused: ReasonLimits<8>,
}

impl AllowList {
    pub(crate) fn new<'a>(
        networks: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NetworkError> {
        Ok(AllowList {
            networks: networks
                .into_iter()
                .map(network)
                .collect::<Result<_, _>>()?,
            refused: ReasonLimits::default(),
        })
    }

    /// Returns whether a peer may connect, and logs it if not.
    pub(crate) fn admits(&self, peer: &Peer) -> bool {
        let Peer::Tcp(address) = peer else {
            return true;
        };
        if self.networks.is_empty() || self.contains(address.ip()) {
            return true;
        }
        if let Some(Permitted { suppressed }) = self.refused.pass(address.ip()) {
            tracing::warn!(target: CONNECTION,
                %peer,
                suppressed,
                "connection closed: the peer is in no network that `--allow` names; if it is a \
                 HAProxy of yours, add its address there"
            );
        }
        false
    }

    fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// Reads a network, or one address.
pub(crate) fn network(text: &str) -> Result<IpNet, NetworkError> {
    let network = text.parse().or_else(|_| text.parse().map(IpAddr::into));
    network.map_err(|_| NetworkError {
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(networks: &[&str], ip: &str) -> bool {
        let list = AllowList::new(networks.iter().copied()).unwrap();
        list.admits(&Peer::Tcp((ip.parse::<IpAddr>().unwrap(), 1).into()))
    }

    #[test]
    fn only_peers_of_the_networks_are_admitted() {
        let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
        for ip in ["10.255.0.1", "192.0.2.7", "2001:db8::1"] {
            assert!(admits(&networks, ip), "{ip}");
        }
        for ip in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1"] {
            assert!(!admits(&networks, ip), "{ip}");
        }
    }

    #[test]
    fn without_a_network_every_peer_is_admitted() {
        assert!(admits(&[], "203.0.113.1"));
    }

    #[test]
    fn an_ipv4_peer_of_an_ipv6_socket_is_compared_as_ipv4() {
        assert!(admits(&["10.0.0.0/8"], "::ffff:10.0.0.1"));
        assert!(!admits(&["::/0"], "::ffff:10.0.0.1"));
    }

    #[test]
    fn unix_sockets_are_guarded_by_their_mode() {
        let list = AllowList::new(["10.0.0.0/8"]).unwrap();
        assert!(list.admits(&Peer::Unix {
            local: "/run/spoa.sock".into()
        }));
    }

    #[test]
    fn a_text_that_is_not_a_network_says_what_to_write() {
        for text in ["10.0.0.0/33", "10.0.0/8", "localhost", ""] {
            assert_eq!(
                network(text).unwrap_err().to_string(),
                format!(
                    "`{text}` is not a network to allow: write one such as `10.0.0.0/8` or \
                     `2001:db8::/32`, or one address such as `10.0.0.7`"
                )
            );
        }
    }
}
