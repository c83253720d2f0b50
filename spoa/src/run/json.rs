//! Actions as JSON, for programs that read what commands print.
//!
//! It must not know which command prints them.

use crate::client::OwnedAction;
use crate::spop::Value as Datum;
use serde_json::{Value, json};

/// An action as an object: `action`, `scope`, `name`, and the `type` and `value` of what is set.
pub fn action(action: &OwnedAction) -> Value {
    let (scope, name) = (action.scope().name(), action.name());
    let OwnedAction::SetVar { value, .. } = action else {
        return json!({ "action": "unset-var", "scope": scope, "name": name });
    };
    let kind = value.data_type().name();
    let (key, value) = datum(value.as_value());
    json!({ "action": "set-var", "scope": scope, "name": name, "type": kind, key: value })
}

/// A value under `value`; bytes that are no text, in hexadecimal, under `hex`.
fn datum(datum: Datum<'_>) -> (&'static str, Value) {
    let value = match datum {
        Datum::Null => Value::Null,
        Datum::Bool(value) => value.into(),
        Datum::Int32(value) => value.into(),
        Datum::Uint32(value) => value.into(),
        Datum::Int64(value) => value.into(),
        Datum::Uint64(value) => value.into(),
        Datum::Ipv4(address) => address.to_string().into(),
        Datum::Ipv6(address) => address.to_string().into(),
        Datum::String(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return ("hex", hex(bytes).into()),
        },
        Datum::Binary(bytes) => return ("hex", hex(bytes).into()),
    };
    ("value", value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::Scope;

    fn set(value: Datum<'_>) -> Value {
        action(&OwnedAction::SetVar {
            scope: Scope::Session,
            name: "v".into(),
            value: value.into(),
        })
    }

    #[test]
    fn values_are_json_of_their_kind() {
        for (value, kind, expected) in [
            (Datum::Null, "NULL", Value::Null),
            (Datum::Bool(true), "BOOL", true.into()),
            (Datum::Int32(-5), "INT32", (-5).into()),
            (Datum::Uint64(u64::MAX), "UINT64", u64::MAX.into()),
            (
                Datum::Ipv4([192, 0, 2, 7].into()),
                "IPV4",
                "192.0.2.7".into(),
            ),
            (Datum::String(b"a\"b"), "STRING", "a\"b".into()),
        ] {
            let expected = json!({
                "action": "set-var", "scope": "sess", "name": "v", "type": kind, "value": expected,
            });
            assert_eq!(set(value), expected);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_hexadecimal() {
        assert_eq!(set(Datum::Binary(b"\x00\xff"))["hex"], "00ff");
        let string = set(Datum::String(b"\xff"));
        assert_eq!(
            (&string["type"], &string["hex"]),
            (&json!("STRING"), &json!("ff"))
        );
        assert_eq!(string.get("value"), None);
    }

    #[test]
    fn a_variable_that_is_unset_has_no_value() {
        let unset = OwnedAction::UnsetVar {
            scope: Scope::Request,
            name: "v".into(),
        };
        let expected = json!({ "action": "unset-var", "scope": "req", "name": "v" });
        assert_eq!(action(&unset), expected);
    }
}
