//! The host that a request is for.

use crate::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch};
use crate::spop::Value;
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host that a request is for (sample `req.fhdr(host)`; HAProxy makes a `Host` header of the `:authority` of
/// HTTP/2).
///
/// The name is in lower case, without the port and the dot at the end. A client may leave the header out, so take
/// `Option<Host<'_>>`. It can put anything into it.
///
/// ```
/// use spoa::http::Host;
///
/// let host = Host::new(b"Example.ORG.:8080");
/// assert_eq!((host.name(), host.port()), ("example.org", Some(8080)));
/// assert_eq!(host, "example.org");
/// assert_eq!(Host::new(b"[2001:db8::1]:80").ip(), Some("2001:db8::1".parse().unwrap()));
/// ```
///
/// Bytes that are not UTF-8 are shown as U+FFFD. It allocates only for such bytes, and for capitals.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Host<'a> {
    name: Cow<'a, str>,
    port: Option<u16>,
    raw: &'a [u8],
}

impl<'a> Host<'a> {
    /// Reads the value of a `Host` header.
    #[must_use]
    pub fn new(raw: &'a [u8]) -> Self {
        let trimmed = raw.trim_ascii();
        let (name, port) = match trimmed.iter().rposition(|byte| *byte == b':') {
            // In brackets is an address of IPv6.
            Some(colon) if !trimmed.get(colon..).unwrap_or_default().contains(&b']') => {
                let (name, port) = trimmed.split_at_checked(colon).unwrap_or((trimmed, b""));
                let port = port.get(1..).unwrap_or_default();
                if port.iter().all(u8::is_ascii_digit) {
                    (
                        name,
                        std::str::from_utf8(port)
                            .ok()
                            .and_then(|port| port.parse().ok()),
                    )
                } else {
                    (trimmed, None)
                }
            }
            _ => (trimmed, None),
        };
        let name = name.strip_suffix(b".").unwrap_or(name);
        let mut name = String::from_utf8_lossy(name);
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        Host { name, port, raw }
    }

    /// Returns the name or the address, in lower case, without port and without the dot at its end. An address of
    /// IPv6 is within brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the port, if there is a valid one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns the address, if the host is an address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        let inner = self
            .name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        match inner {
            Some(inner) => inner.parse().ok().map(|ip: Ipv6Addr| IpAddr::V6(ip)),
            None => self.name.parse().ok().map(|ip: Ipv4Addr| IpAddr::V4(ip)),
        }
    }

    /// Returns the header as it was sent.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("port", &self.port)
            .finish()
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Compares the name.
impl PartialEq<str> for Host<'_> {
    fn eq(&self, other: &str) -> bool {
        self.name.eq_ignore_ascii_case(other)
    }
}

/// Compares the name.
impl PartialEq<&str> for Host<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.name.eq_ignore_ascii_case(other)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Host<'a> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES;
    const SAMPLE: DefaultSample = DefaultSample::request("req.fhdr(host)");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        <&[u8]>::from_value(value).map(Host::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_apart_from_the_port() {
        for (raw, name, port) in [
            (&b"example.org"[..], "example.org", None),
            (b"example.org:443", "example.org", Some(443)),
            (b"example.org.:", "example.org", None),
            (b"a:70000", "a", None),
            (b"a:http", "a:http", None),
            (b"[::1]", "[::1]", None),
            (b"[::1]:80", "[::1]", Some(80)),
            (b"", "", None),
            (b":80", "", Some(80)),
            (b"CAF\xc3\x89", "caf\u{c9}", None),
            (b"\xff", "\u{fffd}", None),
        ] {
            let host = Host::new(raw);
            assert_eq!((host.name(), host.port()), (name, port), "{raw:?}");
            assert_eq!(host.as_bytes(), raw);
        }
        assert_eq!(Host::new(b"192.0.2.7:80").ip(), Some([192, 0, 2, 7].into()));
        assert_eq!(Host::new(b"a").ip(), None);
    }
}
