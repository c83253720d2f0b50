//! Which sample fetch of HAProxy's gives an argument, as far as its name and its type tell.
//!
//! It must not know messages: it helps those who write about them, and nothing is decided by it.

use super::Expected;

/// What an argument of some name usually is.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// Names of arguments, with `-` between words.
    names: &'static [&'static str],
    gives: Gives,
    /// As it is written in `args`.
    pub(crate) fetch: &'static str,
    /// A value it might give.
    #[cfg_attr(not(feature = "cli"), allow(dead_code))]
    pub(crate) example: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    Address,
    Integer,
    Bool,
    Text,
    Bytes,
}

macro_rules! fetches {
    ($($gives:ident $fetch:literal $example:literal for $($name:literal)*;)*) => {
        &[$(Fetch {
            names: &[$($name),*],
            gives: Gives::$gives,
            fetch: $fetch,
            example: $example,
        }),*]
    };
}

/// The first of a type is what it says best without a name.
const FETCHES: &[Fetch] = fetches! {
    Address "src" "192.0.2.7" for "src" "ip" "client-ip";
    Address "dst" "192.0.2.1" for "dst" "server-ip";
    Bool "ssl_fc" "true" for "ssl" "tls" "secure";
    Integer "src_port" "40000" for "src-port" "port" "client-port";
    Integer "dst_port" "443" for "dst-port" "server-port";
    Integer "status" "200" for "status";
    Integer "req.body_size" "3" for "body-size" "content-length" "length" "size";
    Text "path" "/index.html" for "path";
    Text "method" "GET" for "method";
    Text "url" "/index.html?a=1" for "url" "uri";
    Text "query" "a=1" for "query";
    Text "req.ver" "1.1" for "version" "http-version";
    Text "req.hdr(host)" "www.example.com" for "host";
    // Not `req.hdr`, which splits a header at its commas and gives the last part.
    Text "req.fhdr(user-agent)" "curl/8.0" for "user-agent" "ua";
    Text "req.fhdr(content-type)" "text/plain" for "content-type";
    Text "req.fhdr(referer)" "https://www.example.com/" for "referer";
    Text "req.fhdr(cookie)" "a=1" for "cookie" "cookies";
    Text "req.hdrs" "host:" for "headers";
    Text "fe_name" "www" for "frontend";
    Text "be_name" "servers" for "backend";
    Text "ssl_fc_sni" "www.example.com" for "sni";
    Bytes "req.body" "a=1" for "body";
};

impl Fetch {
    /// The fetch that gives an argument: by its name, unless that gives another type than is
    /// expected. Without a name, and where only one fetch comes to mind, by its type.
    pub(crate) fn suggest(name: Option<&str>, expected: Expected) -> Option<&'static Fetch> {
        let mut fitting = FETCHES.iter().filter(|fetch| fetch.gives.suits(expected));
        let first = fitting.clone().next();
        let Some(name) = name else {
            return first;
        };
        let name = name.to_lowercase().replace('_', "-");
        let named = fitting.find(|fetch| fetch.names.contains(&name.as_str()));
        named.or(match expected {
            Expected::Bool | Expected::Address | Expected::Ipv4 | Expected::Ipv6 => first,
            _ => None,
        })
    }
}

impl Gives {
    fn suits(self, expected: Expected) -> bool {
        match expected {
            Expected::Bool => self == Gives::Bool,
            Expected::Integer { .. } => self == Gives::Integer,
            Expected::Address | Expected::Ipv4 | Expected::Ipv6 => self == Gives::Address,
            Expected::Text | Expected::Bytes | Expected::Other(_) => {
                matches!(self, Gives::Text | Gives::Bytes)
            }
            Expected::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(name: &str, expected: Expected) -> Option<&'static str> {
        Fetch::suggest(Some(name), expected).map(|fetch| fetch.fetch)
    }

    #[test]
    fn a_name_says_most_and_a_type_the_rest() {
        let integer = Expected::Integer { min: 0, max: 255 };
        assert_eq!(
            fetch("user_agent", Expected::Text),
            Some("req.fhdr(user-agent)")
        );
        assert_eq!(fetch("body", Expected::Text), Some("req.body"));
        assert_eq!(fetch("status", integer), Some("status"));
        assert_eq!(fetch("status", Expected::Text), None);
        assert_eq!(fetch("dst", Expected::Ipv6), Some("dst"));
        assert_eq!(fetch("path", Expected::Address), Some("src"));
        assert_eq!(fetch("whatever", Expected::Bool), Some("ssl_fc"));
        assert_eq!(fetch("whatever", Expected::Text), None);
        assert_eq!(
            fetch("method", Expected::Other("`GET` or `POST`")),
            Some("method")
        );
        assert_eq!(fetch("whatever", Expected::Any), None);
        let unnamed = Fetch::suggest(None, Expected::Text).unwrap();
        assert_eq!(unnamed.fetch, "path");
    }
}
