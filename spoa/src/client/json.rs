//! Actions as JSON, for programs that read what commands print.

use super::OwnedAction;
use crate::json::{JsonValue, object};
use crate::spop::Value;

impl OwnedAction {
    /// Returns the action as a JSON object, as `call --json` prints it: `action`, `scope`, `name`, and the
    /// `type` and `value` of what is set. Bytes that are not UTF-8 are hexadecimal, under `hex`.
    ///
    /// ```
    /// use spoa::client::OwnedAction;
    /// use spoa::spop::Scope;
    ///
    /// let action = OwnedAction::UnsetVar { scope: Scope::Session, name: "score".into() };
    /// assert!(action.to_json().contains(r#""name": "score""#));
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        self.json().to_string()
    }

    pub(crate) fn json(&self) -> JsonValue {
        let (scope, name) = (self.scope().name(), self.name());
        let OwnedAction::SetVar { value, .. } = self else {
            return object! { "action": "unset-var", "scope": scope, "name": name };
        };
        let (key, json) = of_value(value.as_value());
        JsonValue::Object(vec![
            ("action", "set-var".into()),
            ("scope", scope.into()),
            ("name", name.into()),
            ("type", value.data_type().name().into()),
            (key, json),
        ])
    }
}

/// Returns the key of a value, and the value.
fn of_value(value: Value<'_>) -> (&'static str, JsonValue) {
    let json = match value {
        Value::Null => JsonValue::Null,
        Value::Bool(value) => value.into(),
        Value::Int32(value) => JsonValue::Number(value.to_string()),
        Value::Uint32(value) => JsonValue::Number(value.to_string()),
        Value::Int64(value) => JsonValue::Number(value.to_string()),
        Value::Uint64(value) => JsonValue::Number(value.to_string()),
        Value::Ipv4(address) => address.to_string().into(),
        Value::Ipv6(address) => address.to_string().into(),
        Value::Binary(bytes) => return ("hex", hex(bytes)),
        Value::String(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return ("hex", hex(bytes)),
        },
    };
    ("value", json)
}

fn hex(bytes: &[u8]) -> JsonValue {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::Scope;

    fn set(value: Value<'_>) -> serde_json::Value {
        let action = OwnedAction::SetVar {
            scope: Scope::Session,
            name: "v".into(),
            value: value.into(),
        };
        serde_json::from_str(&action.to_json()).unwrap()
    }

    #[test]
    fn values_are_json_of_their_kind() {
        use serde_json::{Value as Parsed, json};
        for (value, kind, expected) in [
            (Value::Null, "NULL", Parsed::Null),
            (Value::Bool(true), "BOOL", true.into()),
            (Value::Int32(-5), "INT32", (-5).into()),
            (Value::Uint64(u64::MAX), "UINT64", u64::MAX.into()),
            (
                Value::Ipv4([192, 0, 2, 7].into()),
                "IPV4",
                "192.0.2.7".into(),
            ),
            (Value::String(b"a\"b"), "STRING", "a\"b".into()),
        ] {
            let expected = json!({
                "action": "set-var", "scope": "sess", "name": "v", "type": kind, "value": expected,
            });
            assert_eq!(set(value), expected);
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_hexadecimal() {
        assert_eq!(set(Value::Binary(b"\x00\xff"))["hex"], "00ff");
        let string = set(Value::String(b"\xff"));
        assert_eq!(
            (&string["type"], &string["hex"]),
            (&"STRING".into(), &"ff".into())
        );
        assert_eq!(string.get("value"), None);
    }

    #[test]
    fn a_variable_that_is_unset_has_no_value() {
        let unset = OwnedAction::UnsetVar {
            scope: Scope::Request,
            name: "v".into(),
        };
        let expected = object! { "action": "unset-var", "scope": "req", "name": "v" };
        assert_eq!(unset.json(), expected);
    }
}
