//! An answer that outlives the frame it came in.
//!
//! It has the values and actions, not the wait for them.

use crate::spop::{Action, ActionIter, DataType, DecodeError, FrameIds, Scope, Value};
use bytes::Bytes;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The answer to a NOTIFY: the actions for HAProxy, in the agent's order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack {
    /// The ids the client gave the NOTIFY.
    pub ids: FrameIds,
    /// The actions up to the first that cannot be read.
    pub actions: Vec<OwnedAction>,
    /// Why the actions end early, if they do. HAProxy applies those before and says nothing.
    pub malformed: Option<DecodeError>,
}

impl Ack {
    pub(super) fn new(ids: FrameIds, payload: &[u8]) -> Self {
        let payload = Bytes::copy_from_slice(payload);
        let mut malformed = None;
        let actions = ActionIter::new(&payload)
            .filter_map(|action| match action {
                Ok(action) => Some(OwnedAction::new(&action, &payload)),
                Err(error) => {
                    malformed = Some(error);
                    None
                }
            })
            .collect();
        Ack {
            ids,
            actions,
            malformed,
        }
    }

    /// Returns the value of a variable after this ACK; `None` if the ACK does not set it, or unsets it.
    ///
    /// The name is written as in HAProxy's rules but without the prefix of the engine: `sess.ip_score`.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<&OwnedValue> {
        let (scope, name) = variable.split_once('.')?;
        let scope = Scope::from_name(scope)?;
        let last = self
            .actions
            .iter()
            .rfind(|action| action.scope() == scope && action.name() == name)?;
        match last {
            OwnedAction::SetVar { value, .. } if *value != OwnedValue::Null => Some(value),
            _ => None,
        }
    }
}

/// An action of an [`Ack`]: an [`Action`] that owns its name and value. The enum is complete, as [`Action`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedAction {
    /// Set a variable; [`OwnedValue::Null`] unsets it.
    SetVar {
        /// The scope.
        scope: Scope,
        /// Its name, without scope and prefix. Bytes that are not UTF-8, which HAProxy accepts
        /// in no name, are replaced.
        name: String,
        /// Its value.
        value: OwnedValue,
    },
    /// Unset a variable.
    UnsetVar {
        /// The scope.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: String,
    },
}

impl OwnedAction {
    fn new(action: &Action<'_>, payload: &Bytes) -> Self {
        match *action {
            Action::SetVar { scope, name, value } => OwnedAction::SetVar {
                scope,
                name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
                value: OwnedValue::new(value, |bytes| payload.slice_ref(bytes)),
            },
            Action::UnsetVar { scope, name } => OwnedAction::UnsetVar {
                scope,
                name: String::from_utf8_lossy(name.as_bytes()).into_owned(),
            },
        }
    }

    /// Returns the scope of the variable.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self {
            OwnedAction::SetVar { scope, .. } | OwnedAction::UnsetVar { scope, .. } => *scope,
        }
    }

    /// Returns the variable's name, without scope and prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            OwnedAction::SetVar { name, .. } | OwnedAction::UnsetVar { name, .. } => name,
        }
    }

    /// Borrows the action.
    #[must_use]
    pub fn as_action(&self) -> Action<'_> {
        match self {
            OwnedAction::SetVar { scope, name, value } => Action::SetVar {
                scope: *scope,
                name: name.as_str().into(),
                value: value.as_value(),
            },
            OwnedAction::UnsetVar { scope, name } => Action::UnsetVar {
                scope: *scope,
                name: name.as_str().into(),
            },
        }
    }
}

/// `set-var sess.ip_score = 20`, `unset-var txn.reason`.
impl fmt::Display for OwnedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_action().fmt(f)
    }
}

/// A datum: a [`Value`] that owns its bytes. The enum is complete, as [`Value`] is.
///
/// ```
/// use spoa::client::OwnedValue;
/// use spoa::spop::Value;
///
/// let value = OwnedValue::from(Value::String(b"GET"));
/// assert_eq!(value.as_str(), Some("GET"));
/// assert_eq!(value.to_string(), "\"GET\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedValue {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed 32-bit integer.
    Int32(i32),
    /// An unsigned 32-bit integer.
    Uint32(u32),
    /// A signed 64-bit integer.
    Int64(i64),
    /// An unsigned 64-bit integer.
    Uint64(u64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text in no promised encoding.
    String(Bytes),
    /// Bytes.
    Binary(Bytes),
}

impl OwnedValue {
    fn new(value: Value<'_>, own: impl FnOnce(&[u8]) -> Bytes) -> Self {
        match value {
            Value::Null => OwnedValue::Null,
            Value::Bool(value) => OwnedValue::Bool(value),
            Value::Int32(value) => OwnedValue::Int32(value),
            Value::Uint32(value) => OwnedValue::Uint32(value),
            Value::Int64(value) => OwnedValue::Int64(value),
            Value::Uint64(value) => OwnedValue::Uint64(value),
            Value::Ipv4(address) => OwnedValue::Ipv4(address),
            Value::Ipv6(address) => OwnedValue::Ipv6(address),
            Value::String(bytes) => OwnedValue::String(own(bytes)),
            Value::Binary(bytes) => OwnedValue::Binary(own(bytes)),
        }
    }

    /// Borrows the datum.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            OwnedValue::Null => Value::Null,
            OwnedValue::Bool(value) => Value::Bool(*value),
            OwnedValue::Int32(value) => Value::Int32(*value),
            OwnedValue::Uint32(value) => Value::Uint32(*value),
            OwnedValue::Int64(value) => Value::Int64(*value),
            OwnedValue::Uint64(value) => Value::Uint64(*value),
            OwnedValue::Ipv4(address) => Value::Ipv4(*address),
            OwnedValue::Ipv6(address) => Value::Ipv6(*address),
            OwnedValue::String(bytes) => Value::String(bytes),
            OwnedValue::Binary(bytes) => Value::Binary(bytes),
        }
    }

    /// Returns the type on the wire.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        self.as_value().data_type()
    }

    /// Returns any of the four integer types as one wide integer; `None` for the other types.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        self.as_value().as_integer()
    }

    /// Returns the bytes of a STRING or a BINARY; `None` for the other types.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_value().as_bytes()
    }

    /// Returns the text of a STRING or a BINARY that is UTF-8; `None` for the other types.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        OwnedValue::new(value, Bytes::copy_from_slice)
    }
}

// A value of an answer can be sent in a message of `spoa::testing`.
impl crate::handler::AsValue for OwnedValue {
    fn as_value(&self) -> Value<'_> {
        self.as_value()
    }
}

impl PartialEq<Value<'_>> for OwnedValue {
    fn eq(&self, other: &Value<'_>) -> bool {
        self.as_value() == *other
    }
}

/// As [`Value`] shows itself: `20`, `true`, `"GET"`, `0x00ff`, `192.0.2.7`, `null`.
impl fmt::Display for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_value().fmt(f)
    }
}
