//! The body of a request as JSON.

use crate::handler::{DefaultSample, Expected, FromValue, Mismatch};
use crate::spop::Value;
use serde::Deserialize;

/// The body of a request (sample `req.body`), read as JSON.
///
/// Take `Result<Json<T>, Mismatch>`: a client can send other JSON, or other text. A truncated body does not read as
/// JSON either.
///
/// ```
/// use serde::Deserialize;
/// use spoa::http::Json;
/// use spoa::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Login<'a> {
///     user: &'a str,
/// }
///
/// #[spoe_message("login", event = "on-frontend-http-request")]
/// fn login(login: Result<Json<Login<'_>>, Mismatch>) -> SetVar<bool> {
///     SetVar::transaction("is_admin", login.is_ok_and(|Json(login)| login.user == "admin"))
/// }
///
/// assert!(login(Ok(Json(Login { user: "admin" }))).value());
/// ```
///
/// `serde_json` allows 128 levels of arrays and objects, so that no body can exhaust the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[diagnostic::do_not_recommend]
impl<'a, T: Deserialize<'a>> FromValue<'a> for Json<T> {
    const EXPECTED: Expected = Expected::Other("JSON that reads as its type");
    const SAMPLE: DefaultSample = DefaultSample::request("req.body").always();

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        // The error of `serde_json` would repeat parts of the value.
        serde_json::from_slice(<&[u8]>::from_value(value)?)
            .map(Json)
            .map_err(|_| Mismatch::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_another_shape_and_other_text_are_mismatches() {
        let read = |text: &'static str| Json::<Vec<u8>>::from_value(Value::Binary(text.as_bytes()));
        assert_eq!(read("[1, 2]"), Ok(Json(vec![1, 2])));
        for other in ["", "[1", "{}", "[1] x"] {
            assert_eq!(read(other), Err(Mismatch::Syntax), "{other}");
        }
        let deep = "[".repeat(100_000);
        let nested = Json::<serde_json::Value>::from_value(Value::Binary(deep.as_bytes()));
        assert_eq!(nested, Err(Mismatch::Syntax));
    }
}
