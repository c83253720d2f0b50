//! The lists in a TLS ClientHello, from which fingerprints of clients are made.

use crate::handler::__macros::{ArgCursor, ArgSpec, ByValue, Description, Events, Param};
use crate::handler::{
    Accepts, DefaultSample, Expected, Failure, FromMessage, FromValue, IncomingMessage, Mismatch,
};
use crate::spop::Value;
use std::fmt::Write;

/// The lists in the ClientHello of a client that uses TLS, from which fingerprints such as JA3 are made.
///
/// It reads five arguments: `tls_version` (`ssl_fc_protocol_hello_id`), `tls_ciphers` (`ssl_fc_cipherlist_bin`),
/// `tls_extensions` (`ssl_fc_extlist_bin`), `tls_groups` (`ssl_fc_eclist_bin`) and `tls_point_formats`
/// (`ssl_fc_ecformats_bin`). HAProxy keeps the lists only with `tune.ssl.capture-buffer-size` in its section
/// `global`, such as 512.
///
/// ```
/// use spoa::http::ClientHello;
/// use spoa::prelude::*;
///
/// #[spoe_message("fingerprint", event = "on-frontend-http-request")]
/// fn fingerprint(hello: ClientHello<'_>) -> SetVar<String> {
///     SetVar::session("ja3_text", hello.ja3_text())
/// }
///
/// let hello = ClientHello::new(0x0303, &[0x13, 0x01, 0xc0, 0x2b], &[0, 0, 0, 10], &[0, 29], &[0]);
/// assert_eq!(fingerprint(hello).value(), "771,4865-49195,0-10,29,0");
/// ```
///
/// A client without TLS has an empty one. A client chooses all of it, so a fingerprint tells clients apart only as
/// long as they do not hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientHello<'a> {
    version: u16,
    ciphers: &'a [u8],
    extensions: &'a [u8],
    groups: &'a [u8],
    point_formats: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Creates one from its version and its lists, as they are in the ClientHello.
    #[must_use]
    pub const fn new(
        version: u16,
        ciphers: &'a [u8],
        extensions: &'a [u8],
        groups: &'a [u8],
        point_formats: &'a [u8],
    ) -> Self {
        ClientHello {
            version,
            ciphers,
            extensions,
            groups,
            point_formats,
        }
    }

    /// Returns whether there is no ClientHello: the client does not use TLS, or HAProxy does not keep it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.version == 0 && self.ciphers.is_empty()
    }

    /// Returns the version in the ClientHello, which is 0x0303 for TLS 1.2 and TLS 1.3.
    #[must_use]
    pub const fn version(self) -> u16 {
        self.version
    }

    /// Returns the cipher suites, in order.
    #[must_use]
    pub fn ciphers(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        numbers(self.ciphers)
    }

    /// Returns the types of the extensions, in order. Browsers put them into a random order.
    #[must_use]
    pub fn extensions(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        numbers(self.extensions)
    }

    /// Returns the groups of the key exchange, called elliptic curves before TLS 1.3, in order.
    #[must_use]
    pub fn groups(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'a> {
        numbers(self.groups)
    }

    /// Returns the formats of points on elliptic curves, in order.
    #[must_use]
    pub const fn point_formats(self) -> &'a [u8] {
        self.point_formats
    }

    /// Returns the text whose MD5 is the fingerprint JA3: all lists in decimal, without the values of GREASE
    /// (RFC 8701).
    #[must_use]
    pub fn ja3_text(self) -> String {
        let mut text = self.version.to_string();
        for list in [self.ciphers, self.extensions, self.groups] {
            join(
                numbers(list).filter(|number| !is_grease(*number)),
                &mut text,
            );
        }
        join(
            self.point_formats.iter().map(|format| u16::from(*format)),
            &mut text,
        );
        text
    }
}

/// Appends a `,` and numbers with `-` between them.
fn join(numbers: impl Iterator<Item = u16>, text: &mut String) {
    let mut before = ',';
    for number in numbers {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{before}{number}");
        before = '-';
    }
    if before == ',' {
        text.push(',');
    }
}

/// Reads numbers of two bytes. HAProxy cuts a list that its buffer cannot hold, also within a number.
fn numbers(list: &[u8]) -> impl ExactSizeIterator<Item = u16> + Clone + use<'_> {
    let number = |pair: &[u8]| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    list.chunks_exact(2).map(number)
}

/// Returns whether a number is one that clients send to keep servers tolerant.
const fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// The version.
struct Version(u16);

impl FromValue<'_> for Version {
    const EXPECTED: Expected = <i64 as FromValue<'_>>::EXPECTED;
    const ACCEPTS: Accepts = Accepts::SOME.or_null();
    const SAMPLE: DefaultSample = DefaultSample::anywhere("ssl_fc_protocol_hello_id");

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        let number = Option::<i64>::from_value(value)?.unwrap_or_default();
        Ok(Version(u16::try_from(number).unwrap_or_default()))
    }
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident $sample:literal;)*) => {$(
        $(#[$doc])*
        struct $name<'a>(&'a [u8]);

        impl<'a> FromValue<'a> for $name<'a> {
            const EXPECTED: Expected = Expected::Bytes;
            const ACCEPTS: Accepts = Accepts::BYTES.or_null();
            const SAMPLE: DefaultSample = DefaultSample::anywhere($sample);

            fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
                Option::<&[u8]>::from_value(value).map(|bytes| $name(bytes.unwrap_or_default()))
            }
        }
    )*};
}

lists! {
    /// The cipher suites.
    Ciphers "ssl_fc_cipherlist_bin";
    /// The types of the extensions.
    Extensions "ssl_fc_extlist_bin";
    /// The groups of the key exchange.
    Groups "ssl_fc_eclist_bin";
    /// The formats of points.
    PointFormats "ssl_fc_ecformats_bin";
}

const fn spec(name: &'static str) -> ArgSpec {
    ArgSpec {
        name: Some(name),
        index: None,
        rust_type: "ClientHello<'_>",
        default: false,
        sample: None,
        may_be_missing: false,
        attribute: "",
    }
}

const VERSION: ArgSpec = spec("tls_version");
const CIPHERS: ArgSpec = spec("tls_ciphers");
const EXTENSIONS: ArgSpec = spec("tls_extensions");
const GROUPS: ArgSpec = spec("tls_groups");
const POINT_FORMATS: ArgSpec = spec("tls_point_formats");

impl<'a> FromMessage<'a> for ClientHello<'a> {
    const EVENTS: Events = <Version as FromValue<'a>>::SAMPLE.events();

    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        let mut arguments = ArgCursor::of(incoming);
        let Version(version) = Param::<ByValue>::take(&mut arguments, incoming, &VERSION)?;
        let Ciphers(ciphers) = Param::<ByValue>::take(&mut arguments, incoming, &CIPHERS)?;
        let Extensions(extensions) = Param::<ByValue>::take(&mut arguments, incoming, &EXTENSIONS)?;
        let Groups(groups) = Param::<ByValue>::take(&mut arguments, incoming, &GROUPS)?;
        let PointFormats(formats) =
            Param::<ByValue>::take(&mut arguments, incoming, &POINT_FORMATS)?;
        Ok(ClientHello::new(
            version, ciphers, extensions, groups, formats,
        ))
    }

    fn describe(description: &mut Description) {
        <Version as Param<'a, ByValue>>::describe(&VERSION, description);
        <Ciphers<'a> as Param<'a, ByValue>>::describe(&CIPHERS, description);
        <Extensions<'a> as Param<'a, ByValue>>::describe(&EXTENSIONS, description);
        <Groups<'a> as Param<'a, ByValue>>::describe(&GROUPS, description);
        <PointFormats<'a> as Param<'a, ByValue>>::describe(&POINT_FORMATS, description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_ja3_has_all_lists_without_grease() {
        let hello = ClientHello::new(
            0x0303,
            &[0x0a, 0x0a, 0x13, 0x01, 0x13, 0x02],
            &[0xfa, 0xfa, 0, 0, 0, 23],
            &[0x1a, 0x1a, 0, 29, 0, 23, 0],
            &[0, 1],
        );
        assert_eq!(hello.ja3_text(), "771,4865-4866,0-23,29-23,0-1");
        assert_eq!(ClientHello::default().ja3_text(), "0,,,,");
        assert_eq!(hello.groups().collect::<Vec<_>>(), [0x1a1a, 29, 23]);
        assert!(ClientHello::default().is_empty() && !hello.is_empty());
    }
}
