//! `call`: one message to the handlers in this process, through the whole of the protocol.
//!
//! It must not know how messages are encoded or handlers run: it is a test of the agent by hand.

use super::argument;
use crate::agent::AgentBuilder;
use crate::client::{OwnedAction, OwnedValue};
use crate::handler::ToValue;
use crate::spop::Value as Datum;
use crate::testing::{Answer, TestAgent};
use serde_json::{Value, json};
use std::ffi::OsString;

/// How large HAProxy's frames are if nobody says otherwise: `tune.bufsize` less 4.
const FRAME: u32 = 16380;

/// A message to send.
#[derive(Debug)]
pub(super) struct Call {
    message: String,
    args: Vec<(String, OwnedValue)>,
}

impl Call {
    /// Reads the arguments.
    pub(super) fn new(message: String, args: &[OsString]) -> Result<Self, String> {
        let args = args
            .iter()
            .map(|arg| argument::parse(arg))
            .collect::<Result<_, _>>()?;
        Ok(Call { message, args })
    }

    /// Sends it to an agent, in frames of this size or HAProxy's default.
    pub(super) async fn send(
        &self,
        builder: AgentBuilder,
        frame: Option<u32>,
    ) -> Result<Answer, super::StartError> {
        let agent = TestAgent::build(builder)?.max_frame_size(frame.unwrap_or(FRAME));
        let args: Vec<(&str, &dyn ToValue)> = self
            .args
            .iter()
            .map(|(name, value)| (name.as_str(), value as _))
            .collect();
        Ok(agent.call(&self.message, &args).await?)
    }

    /// The answer as a person reads it: its actions, one a line.
    pub(super) fn lines(answer: &Answer) -> String {
        let actions = answer.actions().iter();
        actions.map(|action| format!("{action}\n")).collect()
    }

    /// The answer as JSON.
    pub(super) fn json(&self, answer: &Answer) -> Value {
        let actions = answer.actions().iter().map(action);
        let failures = answer
            .failures()
            .iter()
            .map(|failed| failed.failure.to_string());
        json!({
            "message": self.message,
            "actions": actions.collect::<Vec<_>>(),
            "failure": failures.collect::<Vec<_>>().first(),
        })
    }
}

fn action(action: &OwnedAction) -> Value {
    let (scope, name) = (action.scope().name(), action.name());
    let OwnedAction::SetVar { value, .. } = action else {
        return json!({ "action": "unset-var", "scope": scope, "name": name });
    };
    let kind = value.data_type().name();
    let (key, value) = datum(value.to_value());
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
