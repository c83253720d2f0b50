//! The sample fetch of HAProxy that the name of an argument means.
//!
//! A name is that of a fetch, or an alias that docs/haproxy.md lists. A type alone suggests no sample, since a check that
//! gets another sample than its author meant may check nothing. A name does, if the type fits.

use super::{Expected, MessageSubject};
use spoa_facts::Kind;

/// A sample fetch, and the names of arguments that mean it.
#[derive(Debug)]
pub(crate) struct NamedFetch {
    /// The expression, as it is written in `args`.
    pub(crate) expression: &'static str,
    gives: Kind,
    subject: MessageSubject,
    /// Names other than the fetch's own, with `-` between words.
    aliases: &'static [&'static str],
    /// An example of a value.
    #[cfg_attr(not(feature = "run"), allow(dead_code))]
    pub(crate) example: &'static str,
}

macro_rules! fetches {
    ($($subject:ident $gives:ident $fetch:literal $example:literal $(for $($name:literal)*)?;)*) => {
        &[$(NamedFetch {
            expression: $fetch,
            gives: Kind::$gives,
            subject: MessageSubject::$subject,
            aliases: &[$($($name),*)?],
            example: $example,
        }),*]
    };
}

const FETCHES: &[NamedFetch] = fetches! {
    Connection Addr "src" "192.0.2.7" for "ip" "client-ip";
    Connection Addr "dst" "192.0.2.1";
    Connection Sint "src_port" "40000" for "client-port";
    Connection Sint "dst_port" "443";
    Connection Bool "ssl_fc" "true";
    Connection Str "ssl_fc_sni" "www.example.com" for "sni";
    Connection Str "fe_name" "www" for "frontend";
    Request Str "path" "/index.html";
    Request Str "pathq" "/index.html?a=1";
    Request Str "method" "GET";
    Request Str "url" "/index.html?a=1" for "uri";
    Request Str "query" "a=1";
    Request Str "req.ver" "1.1" for "http-version";
    Request Str "req.hdr(host)" "www.example.com" for "host";
    // Not `req.hdr`, which splits a header at its commas and gives the last part.
    Request Str "req.fhdr(user-agent)" "curl/8.0" for "user-agent" "ua";
    Request Str "req.fhdr(content-type)" "text/plain" for "content-type";
    Request Str "req.fhdr(referer)" "https://www.example.com/" for "referer";
    Request Str "req.fhdr(cookie)" "a=1" for "cookie" "cookies";
    Request Str "req.hdrs" "hdrs:host:www.example.com" for "headers";
    Request Bin "req.body" "a=1" for "body";
    Request Sint "req.body_size" "3" for "body-size";
    Response Sint "status" "200";
    Response Str "res.ver" "1.1";
    Response Str "res.hdrs" "hdrs:server:nginx";
    Response Bin "res.body" "a=1";
    Response Sint "res.body_size" "3";
};

impl NamedFetch {
    /// Returns the fetch that an argument's name means in a message about `subject`, if the fetch gives the expected
    /// type.
    pub(crate) fn find(
        name: &str,
        expected: Expected,
        subject: MessageSubject,
    ) -> Option<&'static NamedFetch> {
        let alias = name.to_ascii_lowercase().replace('_', "-");
        FETCHES.iter().find(|fetch| {
            let at_hand = match (fetch.subject, subject) {
                // The samples of the request are gone by then, and their names may mean those of the response.
                (MessageSubject::Request, MessageSubject::Response) => false,
                (MessageSubject::Response, MessageSubject::Request) => false,
                _ => true,
            };
            let is_named = fetch.expression == name
                || fetch.expression.replace('_', "-") == alias
                || fetch.aliases.contains(&alias.as_str());
            is_named && at_hand && suits(fetch.gives, expected)
        })
    }
}

/// Returns whether a sample of this kind suits a type without parsing: text that reads as an address is not an
/// address here.
fn suits(gives: Kind, expected: Expected) -> bool {
    match expected {
        Expected::Bool => gives == Kind::Bool,
        Expected::Integer { .. } => gives == Kind::Sint,
        Expected::Address | Expected::Ipv4 | Expected::Ipv6 => gives == Kind::Addr,
        Expected::Text | Expected::Bytes | Expected::Headers | Expected::Other(_) => {
            matches!(gives, Kind::Str | Kind::Bin)
        }
        Expected::Any => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(name: &str, expected: Expected) -> Option<&'static str> {
        NamedFetch::find(name, expected, MessageSubject::Connection).map(|fetch| fetch.expression)
    }

    const INTEGER: Expected = Expected::Integer { min: 0, max: 255 };

    #[test]
    fn a_name_or_a_documented_alias_means_its_fetch() {
        for (name, expected, named) in [
            ("src", Expected::Address, "src"),
            ("ip", Expected::Address, "src"),
            ("dst", Expected::Ipv6, "dst"),
            ("user_agent", Expected::Text, "req.fhdr(user-agent)"),
            ("User-Agent", Expected::Text, "req.fhdr(user-agent)"),
            ("body", Expected::Text, "req.body"),
            ("req.body", Expected::Bytes, "req.body"),
            ("status", INTEGER, "status"),
            ("ssl_fc", Expected::Bool, "ssl_fc"),
            ("src-port", INTEGER, "src_port"),
            ("method", Expected::Other("`GET` or `POST`"), "method"),
        ] {
            assert_eq!(fetch(name, expected), Some(named), "{name}");
        }
    }

    /// `config` writes the sample of a name, so the macros must check what a client can put into it.
    #[test]
    fn the_macros_know_the_names_of_all_samples_that_clients_choose() {
        let chosen = |fetch: &&NamedFetch| {
            let is_text = matches!(fetch.gives, Kind::Str | Kind::Bin);
            matches!(fetch.subject, MessageSubject::Request)
                && is_text
                && fetch.expression != "req.ver"
        };
        for fetch in FETCHES.iter().filter(chosen) {
            let own = fetch
                .expression
                .chars()
                .all(|char| char.is_ascii_lowercase());
            let own = own.then_some(&fetch.expression);
            for name in fetch.aliases.iter().chain(own) {
                assert_eq!(spoa_facts::usual(name), Some(fetch.expression), "{name}");
            }
        }
    }

    #[test]
    fn the_type_of_an_argument_suggests_no_fetch() {
        for expected in [
            Expected::Bool,
            Expected::Address,
            Expected::Ipv4,
            Expected::Ipv6,
            Expected::Text,
            Expected::Bytes,
            Expected::Any,
            INTEGER,
        ] {
            for name in [
                "whatever",
                "detect_only",
                "tls",
                "secure",
                "peer",
                "size",
                "port",
                "",
            ] {
                assert_eq!(fetch(name, expected), None, "{name} {expected:?}");
            }
        }
    }

    #[test]
    fn a_fetch_of_another_type_is_not_suggested() {
        assert_eq!(fetch("status", Expected::Text), None);
        assert_eq!(fetch("path", Expected::Address), None);
        assert_eq!(fetch("ip", Expected::Bool), None);
    }

    #[test]
    fn a_response_has_a_body_and_headers_of_its_own() {
        let fetch = |name, expected, event, samples: &[&'static str]| {
            let subject = MessageSubject::of(event, samples.iter().copied());
            NamedFetch::find(name, expected, subject).map(|fetch| fetch.expression)
        };
        let late = Some("on-http-response");
        for name in ["body", "cookie", "content_type", "headers", "path", "host"] {
            assert_eq!(fetch(name, Expected::Bytes, late, &[]), None, "{name}");
            assert_eq!(
                fetch(name, Expected::Bytes, None, &["status"]),
                None,
                "{name}"
            );
            assert!(
                fetch(name, Expected::Bytes, None, &["src"]).is_some(),
                "{name}"
            );
        }
        assert_eq!(
            fetch("res.body", Expected::Bytes, late, &[]),
            Some("res.body")
        );
        assert_eq!(fetch("ip", Expected::Address, late, &[]), Some("src"));
        let early = Some("on-frontend-http-request");
        assert_eq!(fetch("status", INTEGER, early, &[]), None);
    }
}
