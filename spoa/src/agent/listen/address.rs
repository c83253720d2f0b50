//! Where an agent listens, in HAProxy's notation.

use crate::agent::error::{AddressError, Error};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where an agent listens, written as in HAProxy's `server` lines.
///
/// | written | listens on |
/// |---|---|
/// | `127.0.0.1:12345`, `[::1]:12345` | that TCP address |
/// | `:12345`, `*:12345` | that TCP port of every address, IPv6 and IPv4; of IPv4 alone where there is no IPv6 |
/// | `unix@/run/spoa.sock` | a unix socket |
/// | `unix@/run/spoa.sock,mode=660,user=haproxy,group=haproxy` | a unix socket with that mode, owner and group, any of them alone |
/// | `abns@name` | an abstract unix socket (Linux), padded with NULs as HAProxy pads its own |
///
/// ```
/// use spoa::agent::Address;
///
/// let address: Address = "unix@/run/spoa.sock,mode=660,group=haproxy".parse().unwrap();
/// assert_eq!(address.to_string(), "unix@/run/spoa.sock,mode=660,group=haproxy");
/// assert!("localhost".parse::<Address>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A TCP port of every address of the machine, IPv6 and IPv4.
    Port(u16),
    /// A unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// The mode of the socket's file, such as `0o660`; `None` leaves it to the umask.
        mode: Option<u32>,
        /// The user who is to own it, by name or number; `None` is the agent's own.
        user: Option<String>,
        /// Its group, by name or number; `None` is the agent's own.
        group: Option<String>,
    },
    /// An abstract unix socket.
    Abstract(String),
}

/// The longest name of an abstract socket: `sun_path` less its leading NUL.
const MAX_ABSTRACT: usize = 107;
/// The longest path of a unix socket: `sun_path` less its trailing NUL.
const MAX_PATH: usize = 107;

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(Error::from)
    }
}

fn parse(text: &str) -> Result<Address, AddressError> {
    let bad = |problem| AddressError {
        text: text.to_owned(),
        problem,
    };
    if let Some(rest) = text.strip_prefix("unix@") {
        let (path, options) = rest.split_once(',').unwrap_or((rest, ""));
        match path.len() {
            0 => return Err(bad("the path is missing")),
            1..=MAX_PATH => {}
            _ => return Err(bad("a path of a unix socket has at most 107 bytes")),
        }
        let (mut mode, mut user, mut group) = (None, None, None);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("mode", octal)) => {
                    let number = u32::from_str_radix(octal, 8).ok();
                    let number = number.filter(|mode| *mode <= 0o777);
                    let wrong = "the mode is not an octal number up to 777";
                    mode = Some(number.ok_or_else(|| bad(wrong))?);
                }
                Some(("user" | "group", "")) => {
                    return Err(bad("a name or number is missing after the `=`"));
                }
                Some(("user", name)) => user = Some(name.to_owned()),
                Some(("group", name)) => group = Some(name.to_owned()),
                _ => {
                    return Err(bad("after the path, only `mode=`, `user=` and `group=` \
                                        are allowed, separated by `,`"));
                }
            }
        }
        return Ok(Address::Unix {
            path: path.into(),
            mode,
            user,
            group,
        });
    }
    if let Some(name) = text.strip_prefix("abns@") {
        return match name.len() {
            0 => Err(bad("the name is missing")),
            1..=MAX_ABSTRACT => Ok(Address::Abstract(name.to_owned())),
            _ => Err(bad("a name of an abstract socket has at most 107 bytes")),
        };
    }
    if text.starts_with('/') {
        return Err(bad("a path needs `unix@` in front"));
    }
    if is_ip(text) {
        return Err(bad("the port is missing"));
    }
    let any = text.strip_prefix("*:").or_else(|| text.strip_prefix(':'));
    if let Some(port) = any {
        let port: u16 = port
            .parse()
            .map_err(|_| bad("the port is not a number up to 65535"))?;
        return Ok(Address::Port(port));
    }
    if let Ok(address) = text.parse() {
        return Ok(Address::Tcp(address));
    }
    Err(bad(match text.rsplit_once(':') {
        None => "it has no port",
        Some((ip, "")) if is_ip(ip) => "the port is missing",
        Some((ip, _)) if is_ip(ip) => "the port is not a number up to 65535",
        Some(_) => "the part before the port is not an IP address",
    }))
}

impl Address {
    /// Returns the address at which a program on this machine reaches a listener, written for a
    /// [client](crate::client).
    #[cfg(feature = "run")]
    pub(crate) fn for_clients(&self) -> String {
        match self {
            Address::Tcp(address) if address.ip().is_unspecified() => {
                let loopback: IpAddr = match address {
                    SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                };
                SocketAddr::new(loopback, address.port()).to_string()
            }
            Address::Port(port) => format!("127.0.0.1:{port}"),
            Address::Unix { path, .. } => format!("unix@{}", path.display()),
            Address::Tcp(_) | Address::Abstract(_) => self.to_string(),
        }
    }
}

/// Returns whether `text` is an IPv4 address, or an IPv6 address with or without brackets.
fn is_ip(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// Writes the address in the notation that is parsed.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Port(port) => write!(f, ":{port}"),
            Address::Unix {
                path,
                mode,
                user,
                group,
            } => {
                write!(f, "unix@{}", path.display())?;
                if let Some(mode) = mode {
                    write!(f, ",mode={mode:o}")?;
                }
                if let Some(user) = user {
                    write!(f, ",user={user}")?;
                }
                group
                    .iter()
                    .try_for_each(|group| write!(f, ",group={group}"))
            }
            Address::Abstract(name) => write!(f, "abns@{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_reads_and_prints() {
        for text in [
            "127.0.0.1:12345",
            "[::1]:0",
            "unix@/a",
            "unix@/a,mode=660",
            "unix@/a,mode=660,user=haproxy,group=99",
            "unix@/a,group=haproxy",
            "abns@spoa",
            ":80",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("*:80".parse::<Address>().unwrap(), Address::Port(80));
    }

    #[test]
    fn clients_reach_a_wildcard_listener_by_the_loopback_address() {
        for (listener, reachable) in [
            ("127.0.0.1:12345", "127.0.0.1:12345"),
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            (":1", "127.0.0.1:1"),
            ("*:1", "127.0.0.1:1"),
            ("unix@/a,mode=660,user=haproxy", "unix@/a"),
            ("abns@spoa", "abns@spoa"),
        ] {
            let listener: Address = listener.parse().unwrap();
            assert_eq!(listener.for_clients(), reachable);
        }
    }

    #[test]
    fn the_error_for_a_bad_address_says_what_is_wrong() {
        let problem = |text: &str| parse(text).unwrap_err().problem;
        for address in ["127.0.0.1", "127.0.0.1:", "::1", "[::1]", "[::1]:"] {
            assert_eq!(problem(address), "the port is missing", "{address}");
        }
        for address in ["0.0.0.0:80x", "127.0.0.1:http", "[::1]:65536"] {
            assert_eq!(
                problem(address),
                "the port is not a number up to 65535",
                "{address}"
            );
        }
        assert_eq!(problem("nowhere"), "it has no port");
        assert_eq!(
            problem("localhost:1"),
            "the part before the port is not an IP address"
        );
        assert_eq!(problem("/run/spoa.sock"), "a path needs `unix@` in front");
        assert_eq!(
            problem("unix@/a,mode=9"),
            "the mode is not an octal number up to 777"
        );
        assert_eq!(
            problem("unix@/a,user="),
            "a name or number is missing after the `=`"
        );
        for option in ["uid=5", "660", "mode 660"] {
            assert_eq!(
                problem(&format!("unix@/a,{option}")),
                "after the path, only `mode=`, `user=` and `group=` are allowed, separated by `,`"
            );
        }
        assert_eq!(problem(":http"), "the port is not a number up to 65535");
        assert_eq!(problem("abns@"), "the name is missing");
    }
}
