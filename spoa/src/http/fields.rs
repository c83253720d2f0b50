//! Queries and forms as types of the program, read by serde.

use crate::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch};
use crate::spop::Value;
use serde::Deserialize;

/// Reads pairs of names and values. The error of serde would repeat parts of the value.
fn read<'a, T: Deserialize<'a>>(value: Value<'a>) -> Result<T, Mismatch> {
    let bytes = Option::<&[u8]>::from_value(value)?.unwrap_or_default();
    serde_html_form::from_bytes(bytes).map_err(|_| Mismatch::Syntax)
}

/// The query of a request (sample `query`), read as a type of yours.
///
/// Take `Result<QueryFields<T>, Mismatch>`: a client can send another query. A request without a query is read as
/// one without pairs.
///
/// ```
/// use serde::Deserialize;
/// use spoa::http::QueryFields;
/// use spoa::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Search {
///     q: String,
///     #[serde(default)]
///     page: u32,
/// }
///
/// #[spoe_message("search", event = "on-frontend-http-request")]
/// fn search(search: Result<QueryFields<Search>, Mismatch>) -> SetVar<bool> {
///     let is_deep = |QueryFields(search): QueryFields<Search>| search.page > 100 || search.q.len() > 200;
///     SetVar::transaction("blocked", search.map_or(true, is_deep))
/// }
///
/// let search_for = |q: &str| Ok(QueryFields(Search { q: q.to_owned(), page: 1 }));
/// assert!(!search(search_for("haproxy")).value());
/// ```
///
/// Several pairs of one name are read into a `Vec`. A field of another type takes only one pair, so that the handler
/// and the server cannot read different ones. Take `String` or `Cow<str>` for text: a `&str` cannot hold text with
/// escapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryFields<T>(pub T);

/// The fields of a form in the body of a request (sample `req.body`), read as a type of yours.
///
/// Take `Result<FormFields<T>, Mismatch>`: a client can send another form. The body may be truncated: see
/// [`Form`](super::Form).
///
/// ```
/// use serde::Deserialize;
/// use spoa::http::FormFields;
/// use spoa::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Login {
///     user: String,
/// }
///
/// #[spoe_message("login", event = "on-frontend-http-request")]
/// fn login(login: Result<FormFields<Login>, Mismatch>) -> SetVar<bool> {
///     SetVar::transaction("is_admin", login.is_ok_and(|FormFields(login)| login.user == "admin"))
/// }
///
/// assert!(!login(Err(Mismatch::Syntax)).value());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormFields<T>(pub T);

#[diagnostic::do_not_recommend]
impl<'a, T: Deserialize<'a>> FromValue<'a> for QueryFields<T> {
    const EXPECTED: Expected = Expected::Other("a query that reads as its type");
    const ACCEPTS: Accepts = Accepts::SOME.or_null();
    const SAMPLE: DefaultSample = DefaultSample::request("query");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        read(value).map(QueryFields)
    }
}

#[diagnostic::do_not_recommend]
impl<'a, T: Deserialize<'a>> FromValue<'a> for FormFields<T> {
    const EXPECTED: Expected = Expected::Other("a form that reads as its type");
    const ACCEPTS: Accepts = Accepts::SOME.or_null();
    const SAMPLE: DefaultSample = DefaultSample::request("req.body").always();

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        read(value).map(FormFields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Fields {
        q: String,
        page: u8,
        tag: Vec<String>,
    }

    fn query(text: &'static [u8]) -> Result<Fields, Mismatch> {
        QueryFields::from_value(Value::String(text)).map(|QueryFields(fields)| fields)
    }

    #[test]
    fn pairs_are_decoded_and_read() {
        let fields = query(b"tag=a&q=x+y%2Bz&tag=%C3%A4&page=7&other=1").unwrap();
        let expected = Fields {
            q: "x y+z".to_owned(),
            page: 7,
            tag: vec!["a".to_owned(), "ä".to_owned()],
        };
        assert_eq!(fields, expected);
        assert_eq!(query(b""), Ok(Fields::default()));
        let missing = QueryFields::<Fields>::from_value(Value::Null);
        assert_eq!(missing, Ok(QueryFields(Fields::default())));
        let form = FormFields::<Fields>::from_value(Value::Binary(b"page=1"));
        assert_eq!(form.unwrap().0.page, 1);
    }

    #[test]
    fn pairs_of_another_shape_are_mismatches() {
        for text in [&b"page=x"[..], b"page=256", b"page=1&page=2"] {
            assert_eq!(
                query(text),
                Err(Mismatch::Syntax),
                "{}",
                text.escape_ascii()
            );
        }
        let number = QueryFields::<Fields>::from_value(Value::Int64(1));
        assert_eq!(number, Err(Mismatch::Type));
    }
}
