//! The test's own rules with what a test needs around them: ports of its own, variables that show, a server.

use super::reply::SHOWN;
use crate::testing::port::Port;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

/// The words that begin a section, after which no line is one of the frontend.
const SECTIONS: [&str; 16] = [
    "backend",
    "cache",
    "crt-store",
    "defaults",
    "fcgi-app",
    "frontend",
    "global",
    "http-errors",
    "listen",
    "log-forward",
    "log-profile",
    "mailers",
    "peers",
    "resolvers",
    "ring",
    "userlist",
];

/// The rules, and the ports that HAProxy will listen on.
#[derive(Debug)]
pub(super) struct Site {
    /// The lines of the frontend, and the sections after them.
    pub(super) rules: String,
    /// Where HAProxy takes requests.
    pub(super) front: SocketAddr,
    /// Where it takes requests after a line of the PROXY protocol.
    pub(super) proxied: SocketAddr,
    /// The addresses in the test's rules, and those that they became.
    pub(super) addresses: HashMap<String, SocketAddr>,
    #[allow(dead_code, reason = "the ports are held while the value lives")]
    ports: Vec<Port>,
}

impl Site {
    /// Puts the rules together. `variables` are the names that the test reads, with the prefix after the scope
    /// still missing.
    pub(super) fn new(
        rules: &str,
        variables: &[String],
        prefix: &str,
        server: SocketAddr,
    ) -> io::Result<Self> {
        let mut ports = Vec::new();
        let mut addresses = HashMap::new();
        for line in rules.lines() {
            let mut words = line.split_whitespace();
            let (Some("bind"), Some(list)) = (words.next(), words.next()) else {
                continue;
            };
            for address in list.split(',').filter(|address| is_tcp(address)) {
                if !addresses.contains_key(address) {
                    let port = Port::free()?;
                    addresses.insert(address.to_owned(), port.address());
                    ports.push(port);
                }
            }
        }
        let lines: Vec<String> = rules.lines().map(|line| moved(line, &addresses)).collect();
        let section = |line: &String| {
            let word = line.split_whitespace().next().unwrap_or_default();
            SECTIONS.contains(&word)
        };
        let end = lines.iter().position(section).unwrap_or(lines.len());
        let (own, sections) = lines.split_at_checked(end).unwrap_or_default();
        let first = |keyword: &str| {
            let mut own = own.iter();
            own.find(|line| line.split_whitespace().next() == Some(keyword))
        };

        let mut text = Vec::new();
        let proxied = Port::free()?;
        let front = match first("bind") {
            Some(bind) => {
                let mut words = bind.split_whitespace().skip(1);
                let list = words.next().unwrap_or_default();
                let address = list.split(',').find_map(|address| address.parse().ok());
                let rest: Vec<_> = words.filter(|word| *word != "accept-proxy").collect();
                text.push(format!(
                    "    bind {} {} accept-proxy",
                    proxied.address(),
                    rest.join(" ")
                ));
                address.ok_or_else(|| {
                    io::Error::other(format!(
                        "`{bind}` has no TCP address for requests: add a `bind 127.0.0.1:8080`"
                    ))
                })?
            }
            None => {
                let port = Port::free()?;
                let address = port.address();
                ports.push(port);
                text.push(format!("    bind {address}"));
                text.push(format!("    bind {} accept-proxy", proxied.address()));
                address
            }
        };
        for (number, variable) in variables.iter().enumerate() {
            if let Some(name) = variable.strip_prefix("req.") {
                text.push(format!(
                    "    http-request set-var(txn.spoa_test_{number}) var(req.{prefix}.{name})"
                ));
            }
        }
        text.extend_from_slice(own);
        // The headers are for the test: a response that has no room for one is not an error.
        text.push("    http-after-response strict-mode off".to_owned());
        for (number, variable) in variables.iter().enumerate() {
            let variable = match variable.split_once('.') {
                Some(("req", _)) => format!("txn.spoa_test_{number}"),
                Some((scope, name)) => format!("{scope}.{prefix}.{name}"),
                None => continue,
            };
            for (header, converter) in [("-length", "length"), ("", "url_enc")] {
                text.push(format!(
                    "    http-after-response set-header {SHOWN}{number}{header} %[var({variable}),{converter}] \
                     if {{ var({variable}) -m found }}"
                ));
            }
        }
        if first("default_backend").is_none() {
            text.push("    default_backend spoa-test-server".to_owned());
            text.push("\nbackend spoa-test-server".to_owned());
            text.push(format!("    server spoa-test-server {server}"));
        }
        text.push(String::new());
        text.extend_from_slice(sections);
        let proxied_address = proxied.address();
        ports.push(proxied);
        Ok(Site {
            rules: text.join("\n") + "\n",
            front,
            proxied: proxied_address,
            addresses,
            ports,
        })
    }
}

/// Returns whether an address has a port, and is not a socket of another kind.
fn is_tcp(address: &str) -> bool {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    !address.contains('@') && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Replaces the addresses in a line.
fn moved(line: &str, addresses: &HashMap<String, SocketAddr>) -> String {
    let separator = |c: char| c.is_whitespace() || c == ',';
    let words = line.split_inclusive(separator).map(|word| {
        let bare = word.trim_end_matches(separator);
        let end = word.get(bare.len()..).unwrap_or_default();
        match addresses.get(bare) {
            Some(address) => format!("{address}{end}"),
            None => word.to_owned(),
        }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(rules: &str, variables: &[&str]) -> Site {
        let variables: Vec<_> = variables.iter().map(|name| (*name).to_owned()).collect();
        Site::new(rules, &variables, "p", ([127, 0, 0, 1], 9).into()).unwrap()
    }

    #[test]
    fn rules_without_addresses_get_new_ones() {
        let site = site(
            "http-request deny if { var(txn.p.a) -m bool }",
            &["txn.a", "req.b"],
        );
        let rules: Vec<_> = site.rules.lines().map(str::trim).collect();
        let expected = [
            &format!("bind {}", site.front),
            &format!("bind {} accept-proxy", site.proxied),
            "http-request set-var(txn.spoa_test_1) var(req.p.b)",
            "http-request deny if { var(txn.p.a) -m bool }",
            "http-after-response strict-mode off",
        ];
        assert_eq!(rules[..5], expected);
        assert!(
            rules[6]
                .ends_with("x-spoa-test-0 %[var(txn.p.a),url_enc] if { var(txn.p.a) -m found }")
        );
        assert!(rules[8].contains("var(txn.spoa_test_1),url_enc"));
        assert_eq!(
            rules[9..],
            [
                "default_backend spoa-test-server",
                "",
                "backend spoa-test-server",
                "server spoa-test-server 127.0.0.1:9",
                ""
            ]
        );
    }

    #[test]
    fn every_address_of_a_site_is_replaced() {
        let site = site(
            "bind 127.0.0.1:80,:81 name www\nbind 127.0.0.1:82 accept-proxy\ndefault_backend b\n\n\
             backend b\n    server s 127.0.0.1:83\n\nfrontend f\n    bind 127.0.0.1:83\n",
            &[],
        );
        let at = |address: &str| site.addresses[address].to_string();
        assert_eq!(site.front.to_string(), at("127.0.0.1:80"));
        let proxied = site.proxied;
        let expected = format!(
            "    bind {proxied} name www accept-proxy\nbind {},{} name www\nbind {} accept-proxy\n\
             default_backend b\n\n    http-after-response strict-mode off\n\nbackend b\n    server s {}\n\n\
             frontend f\n    bind {}\n",
            at("127.0.0.1:80"),
            at(":81"),
            at("127.0.0.1:82"),
            at("127.0.0.1:83"),
            at("127.0.0.1:83"),
        );
        assert_eq!(site.rules, expected);
    }
}
