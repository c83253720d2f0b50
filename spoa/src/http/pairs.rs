//! Names and values in `application/x-www-form-urlencoded`: in a query, and in the body of a form.

use super::percent::decode;
use super::split::split;
use crate::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch, Text};
use crate::spop::Value;
use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;

/// The names and values of a [`Query`] or a [`Form`], decoded, in order.
#[derive(Clone, Copy)]
pub struct PairIter<'a>(Option<&'a [u8]>);

impl<'a> Iterator for PairIter<'a> {
    type Item = (Cow<'a, [u8]>, Cow<'a, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (pair, rest) = split(self.0?, b'&');
            self.0 = rest;
            if !pair.is_empty() {
                let (name, value) = split(pair, b'=');
                return Some((decode(name, true), decode(value.unwrap_or_default(), true)));
            }
        }
    }
}

impl FusedIterator for PairIter<'_> {}

/// Shows the names: values may be secrets.
impl fmt::Debug for PairIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.map(|(name, _)| String::from_utf8_lossy(&name).into_owned());
        f.debug_set().entries(names).finish()
    }
}

fn text(value: Cow<'_, [u8]>) -> Text<'_> {
    match value {
        Cow::Borrowed(bytes) => Text::from_bytes(bytes),
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => String::from_utf8_lossy(error.as_bytes())
                .into_owned()
                .into(),
        },
    }
}

macro_rules! pairs {
    ($(#[$doc:meta])* $name:ident, $sample:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// Reads the pairs in these bytes.
            #[must_use]
            pub const fn new(bytes: &'a [u8]) -> Self {
                $name(bytes)
            }

            /// Returns the bytes as they were sent.
            #[must_use]
            pub const fn as_bytes(self) -> &'a [u8] {
                self.0
            }

            /// Returns the value of the first pair of that name, decoded. The server may use another one of several,
            /// so a check should look at [all](Self::get_all) of them.
            #[must_use]
            pub fn get(self, name: &str) -> Option<Cow<'a, [u8]>> {
                self.get_all(name).next()
            }

            /// Returns the value of the first pair of that name, decoded, with U+FFFD for bytes that are not
            /// UTF-8.
            #[must_use]
            pub fn text(self, name: &str) -> Option<Text<'a>> {
                self.get(name).map(text)
            }

            /// Returns the values of all pairs of that name, decoded, in order.
            pub fn get_all<'n>(
                self,
                name: &'n str,
            ) -> impl FusedIterator<Item = Cow<'a, [u8]>> + Clone + use<'a, 'n> {
                self.iter()
                    .filter(move |(known, _)| **known == *name.as_bytes())
                    .map(|(_, value)| value)
            }

            /// Returns the names and values of all pairs, decoded, in order. A `+` is a space, an invalid
            /// escape is kept, and a name without `=` has an empty value.
            #[must_use]
            pub const fn iter(self) -> PairIter<'a> {
                PairIter(Some(self.0))
            }

            /// Returns whether there are no pairs.
            #[must_use]
            pub fn is_empty(self) -> bool {
                self.iter().next().is_none()
            }
        }

        impl<'a> IntoIterator for $name<'a> {
            type Item = (Cow<'a, [u8]>, Cow<'a, [u8]>);
            type IntoIter = PairIter<'a>;

            fn into_iter(self) -> PairIter<'a> {
                self.iter()
            }
        }

        /// Shows the names: values may be secrets.
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.iter().fmt(f)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a> FromValue<'a> for $name<'a> {
            const EXPECTED: Expected = Expected::Bytes;
            const ACCEPTS: Accepts = Accepts::BYTES.or_null();
            const SAMPLE: DefaultSample = $sample;

            #[inline]
            fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
                Option::<&[u8]>::from_value(value).map(|bytes| $name(bytes.unwrap_or_default()))
            }
        }
    };
}

pairs! {
    /// The query of a request (sample `query`), which comes after the first `?`.
    ///
    /// A request without a `?` has an empty query here; `Option<Query<'_>>` is `None` for it.
    ///
    /// ```
    /// use spoa::http::Query;
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("check", event = "on-frontend-http-request")]
    /// fn check(query: Query<'_>) -> SetVar<bool> {
    ///     SetVar::transaction("debug", query.get("debug").is_some_and(|value| *value == *b"1"))
    /// }
    ///
    /// assert!(check(Query::new(b"a=%20&debug=1")).value());
    /// ```
    Query, DefaultSample::request("query")
}

pairs! {
    /// The fields of a form in the body of a request (sample `req.body`), in
    /// `application/x-www-form-urlencoded`.
    ///
    /// The `Content-Type` is not checked, and the body may be truncated: see [`Body`](super::Body). HAProxy reads
    /// bodies ahead only with `option http-buffer-request` or `http-request wait-for-body`.
    ///
    /// ```
    /// use spoa::http::Form;
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("login", event = "on-frontend-http-request")]
    /// fn login(form: Form<'_>) -> SetVar<bool> {
    ///     SetVar::transaction("is_admin", form.text("user").is_some_and(|user| user == "admin"))
    /// }
    ///
    /// assert!(login(Form::new(b"user=%61dmin&password=x")).value());
    /// ```
    Form, DefaultSample::request("req.body").always()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_and_decoded() {
        let query = Query::new(b"a=1&b=2=3&&c&=d&e=+%2B%26&a=\xff");
        let pairs: Vec<_> = query
            .iter()
            .map(|(n, v)| (n.to_vec(), v.to_vec()))
            .collect();
        let expected: [(&[u8], &[u8]); 6] = [
            (b"a", b"1"),
            (b"b", b"2=3"),
            (b"c", b""),
            (b"", b"d"),
            (b"e", b" +&"),
            (b"a", b"\xff"),
        ];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_vec(), v.to_vec())));
        assert_eq!(query.get_all("a").count(), 2);
        assert!(query.text("e").is_some_and(|text| text == " +&"));
        assert_eq!(format!("{query:?}"), r#"{"a", "b", "c", "", "e", "a"}"#);
        assert!(Query::new(b"").is_empty() && Query::new(b"&&").is_empty());
    }

    #[test]
    fn null_is_an_empty_query() {
        assert_eq!(Query::from_value(Value::Null), Ok(Query::default()));
        assert_eq!(Option::<Query<'_>>::from_value(Value::Null), Ok(None));
    }
}
