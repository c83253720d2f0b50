//! The address of a client behind proxies.

use super::Headers;
use super::headers_argument::{HEADERS, headers};
use crate::handler::__macros::{ArgCursor, ArgSpec, ByValue, Description, Events, Param};
use crate::handler::{
    Accepts, DefaultSample, Expected, Failure, FromMessage, FromValue, IncomingMessage, Mismatch,
    REQUEST_EVENTS, State,
};
use crate::spop::Value;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The proxies whose `X-Forwarded-For` headers are believed.
///
/// An agent whose handlers take [`ClientIp`] is given one as a state:
///
/// ```no_run
/// use spoa::http::TrustedProxies;
///
/// # mod handlers {}
/// fn main() {
///     spoa::run!(state = "10.0.0.0/8, 2001:db8::/32".parse::<TrustedProxies>())
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts no proxy: the client is the peer of HAProxy's connection.
    #[must_use]
    pub const fn none() -> Self {
        TrustedProxies(Vec::new())
    }

    /// Returns whether an address is that of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client: of the addresses in the `X-Forwarded-For` headers and `source`, the
    /// address of the peer of HAProxy's connection, the last one that is not a trusted proxy.
    ///
    /// ```
    /// use spoa::http::{Headers, TrustedProxies};
    ///
    /// let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    /// // The client has put the first address there itself.
    /// let headers = Headers::from_text(
    ///     b"x-forwarded-for: 192.0.2.66, 192.0.2.7\r\nx-forwarded-for: 10.0.0.2\r\n\r\n",
    /// ).unwrap();
    /// let client = proxies.client("10.0.0.1".parse().unwrap(), &headers);
    /// assert_eq!(client.to_string(), "192.0.2.7");
    /// ```
    ///
    /// If a trusted proxy forwards something that is not an address, the client is that proxy.
    #[must_use]
    pub fn client(&self, source: IpAddr, headers: &Headers<'_>) -> IpAddr {
        let source = source.to_canonical();
        if !self.contains(source) {
            return source;
        }
        // One pass from the left, since a client can send many headers. `client` is the client if all later
        // addresses are those of trusted proxies.
        let mut client = None;
        for line in headers.get_all("x-forwarded-for") {
            for entry in line.split(|byte| *byte == b',') {
                client = match address(entry) {
                    Some(address) if client.is_none() || !self.contains(address) => Some(address),
                    None if !entry.trim_ascii().is_empty() => None,
                    _ => client,
                };
            }
        }
        client.unwrap_or(source)
    }
}

/// Reads an address as proxies write it: some add a port or brackets.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let text = text.trim_matches('"');
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, _) = inner.split_once(']')?;
        return inner
            .parse()
            .ok()
            .map(|ip: Ipv6Addr| IpAddr::V6(ip).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (v4, port) = text.split_once(':')?;
    port.parse::<u16>().ok()?;
    v4.parse().ok().map(IpAddr::V4)
}

/// Reads networks and addresses, separated by commas.
impl FromStr for TrustedProxies {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let entries = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let networks = entries.map(|entry| {
            let network = entry.parse::<IpNet>().ok();
            network
                .or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| BadNetwork(entry.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(TrustedProxies)
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        TrustedProxies(networks.into_iter().collect())
    }
}

/// The error for text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNetwork(String);

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a network: write an address, or one with the length of its prefix, as `10.0.0.0/8`",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadNetwork {}

/// The address of a client, which may be behind trusted proxies.
///
/// It reads the arguments `src` and `headers` (`req.hdrs_bin`) and the state [`TrustedProxies`].
/// `X-Forwarded-For` is read from its end: each proxy adds the address of its peer, and a client can write
/// anything before the address that the first trusted proxy added.
///
/// ```
/// use spoa::Agent;
/// use spoa::http::{ClientIp, TrustedProxies};
/// use spoa::prelude::*;
/// use spoa::testing::TestAgent;
///
/// #[spoe_message("check", event = "on-frontend-http-request")]
/// fn check(client: ClientIp) -> SetVar<bool> {
///     SetVar::transaction("local", client.get().is_loopback())
/// }
///
/// let agent = Agent::builder().handlers(handlers![check]).state(TrustedProxies::none());
/// assert!(TestAgent::build(agent).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// Creates a client with this address.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        ClientIp(address)
    }

    /// Returns the address.
    #[must_use]
    pub const fn get(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address of the peer of HAProxy's connection. A client on a unix socket has none.
struct Source(IpAddr);

impl FromValue<'_> for Source {
    const EXPECTED: Expected = Expected::Address;
    const ACCEPTS: Accepts = Accepts::SOME;
    const SAMPLE: DefaultSample = DefaultSample::anywhere("src");

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        IpAddr::from_value(value).map(Source)
    }
}

const SOURCE: ArgSpec = ArgSpec {
    name: Some("src"),
    index: None,
    rust_type: "ClientIp",
    default: false,
    sample: None,
    may_be_missing: false,
    attribute: "",
};

impl<'a> FromMessage<'a> for ClientIp {
    const EVENTS: Events = REQUEST_EVENTS;

    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        let State(proxies) = State::<'a, TrustedProxies>::from_message(incoming)?;
        let mut arguments = ArgCursor::of(incoming);
        let Source(source) = Param::<ByValue>::take(&mut arguments, incoming, &SOURCE)?;
        let headers = headers(incoming)?;
        Ok(ClientIp(proxies.client(source, &headers)))
    }

    fn describe(description: &mut Description) {
        <State<'a, TrustedProxies> as FromMessage<'a>>::describe(description);
        <Source as Param<'a, ByValue>>::describe(&SOURCE, description);
        <Headers<'a> as Param<'a, ByValue>>::describe(&HEADERS, description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &str, source: &str, lines: &[&str]) -> String {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        let lines = lines
            .iter()
            .map(|line| format!("x-forwarded-for: {line}\r\n"));
        let block = format!("{}\r\n", lines.collect::<String>());
        let headers = Headers::from_text(block.as_bytes()).unwrap();
        proxies
            .client(source.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_not_a_trusted_proxy() {
        let trusted = "10.0.0.0/8, 2001:db8::1";
        for (source, lines, expected) in [
            ("192.0.2.1", &["1.1.1.1"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["1.1.1.1, 10.0.0.3,10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1", "10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["10.0.0.9", "10.0.0.2"], "10.0.0.9"),
            ("10.0.0.1", &["6.6.6.6, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["6.6.6.6, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, , "], "1.1.1.1"),
            ("10.0.0.1", &["", "1.1.1.1", ""], "1.1.1.1"),
            ("10.0.0.1", &["1.1.1.1:4711"], "1.1.1.1"),
            ("10.0.0.1", &["\"[2001:db8::7]:80\""], "2001:db8::7"),
            (
                "2001:db8::1",
                &["::ffff:10.0.0.3", "2001:db8::1"],
                "10.0.0.3",
            ),
            ("::ffff:10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
        ] {
            assert_eq!(
                client(trusted, source, lines),
                expected,
                "{source} {lines:?}"
            );
        }
        assert_eq!(client("", "10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
    }

    #[test]
    fn a_word_that_is_not_a_network_is_named() {
        let said = "10.0.0.0/8,lan".parse::<TrustedProxies>().unwrap_err();
        assert!(
            said.to_string().starts_with("`lan` is not a network"),
            "{said}"
        );
        assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
    }
}
