//! The lines of a recording, and the hashes that take the place of values.

use super::{FORMAT, value};
use ring::hmac::{self, HMAC_SHA256, Key};
use ring::rand::SystemRandom;
use serde_json::Value as Json;
use spoa::client::OwnedValue;
use spoa::spop::{Action, ActionIter, DecodeError, FrameIds, Messages, Value};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A line of a recording, with its end.
#[derive(Debug, Default)]
pub(crate) struct RecordingLine(pub(crate) String);

impl RecordingLine {
    /// Returns the first line.
    pub(crate) fn head(agent: &str, hashes: &Hashes) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        let began = began.unwrap_or_default().as_secs_f64();
        let hashed: Json = hashes.names().collect();
        RecordingLine(format!(
            "{{\"spop_recording\":{FORMAT},\"program\":\"spop {}\",\"agent\":{},\"began\":{began:.3},\
             \"hashed\":{hashed}}}\n",
            env!("CARGO_PKG_VERSION"),
            Json::from(agent)
        ))
    }

    /// Returns the line of a connection.
    pub(crate) fn connection(
        number: u64,
        engine: Option<&str>,
        max_frame_size: Option<u32>,
        capabilities: &str,
    ) -> Self {
        RecordingLine(format!(
            "{{\"connection\":{number},\"engine\":{},\"max_frame_size\":{},\"capabilities\":{}}}\n",
            Json::from(engine),
            Json::from(max_frame_size),
            Json::from(capabilities)
        ))
    }

    /// Returns the line of a NOTIFY and the ACK that came after this time, if one did.
    pub(crate) fn exchange(
        connection: u64,
        ids: FrameIds,
        at: Duration,
        notify: &[u8],
        ack: Option<(Duration, &[u8])>,
        hashes: &mut Hashes,
    ) -> Result<Self, DecodeError> {
        let mut out = String::with_capacity(512);
        let _ = write!(
            out,
            "{{\"exchange\":{connection},\"stream\":{},\"frame\":{},\"at\":{:.6},\"took\":",
            ids.stream_id,
            ids.frame_id,
            at.as_secs_f64()
        );
        let _ = match ack {
            Some((took, _)) => write!(out, "{:.6}", took.as_secs_f64()),
            None => write!(out, "null"),
        };
        let mut replaced = Vec::new();
        messages(notify, hashes, &mut replaced, &mut out)?;
        match ack {
            Some((_, actions)) => self::actions(actions, &replaced, &mut out),
            None => out.push_str(",\"actions\":null"),
        }
        out.push_str("}\n");
        Ok(RecordingLine(out))
    }
}

/// Appends the messages; those of their values that were hashed, with their hashes, go to `replaced`.
fn messages<'a>(
    notify: &'a [u8],
    hashes: &mut Hashes,
    replaced: &mut Vec<(Value<'a>, OwnedValue)>,
    out: &mut String,
) -> Result<(), DecodeError> {
    let parsed = Messages::parse(notify)?;
    out.push_str(",\"messages\":[");
    for (index, message) in parsed.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let name = String::from_utf8_lossy(message.name().as_bytes());
        let _ = write!(out, "{{\"message\":{},\"args\":[", Json::from(name));
        for (index, arg) in message.args().iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let name = String::from_utf8_lossy(arg.name.as_bytes());
            let hash = hashes.of(&name, arg.value);
            let _ = write!(out, "{{\"name\":{},", Json::from(name));
            match hash {
                Some(hash) => {
                    value::write(hash.as_value(), out);
                    out.push_str(",\"hashed\":true");
                    replaced.push((arg.value, hash));
                }
                None => value::write(arg.value, out),
            }
            out.push('}');
        }
        out.push_str("]}");
    }
    out.push(']');
    Ok(())
}

/// Appends the actions up to the first that cannot be read, and why that cannot be.
fn actions(payload: &[u8], replaced: &[(Value<'_>, OwnedValue)], out: &mut String) {
    out.push_str(",\"actions\":[");
    let mut malformed = None;
    for (index, action) in ActionIter::new(payload).enumerate() {
        let action = match action {
            Ok(action) => action,
            Err(error) => {
                malformed = Some(error);
                break;
            }
        };
        if index > 0 {
            out.push(',');
        }
        let kind = match action {
            Action::SetVar { .. } => "set-var",
            Action::UnsetVar { .. } => "unset-var",
        };
        let name = String::from_utf8_lossy(action.name().as_bytes());
        let _ = write!(
            out,
            "{{\"action\":\"{kind}\",\"scope\":\"{}\",\"name\":{}",
            action.scope(),
            Json::from(name)
        );
        if let Action::SetVar { value, .. } = action {
            out.push(',');
            // An answer must not give away what was hashed in the question.
            match replaced.iter().find(|(original, _)| *original == value) {
                Some((_, hash)) => {
                    value::write(hash.as_value(), out);
                    out.push_str(",\"hashed\":true");
                }
                None => value::write(value, out),
            }
        }
        out.push('}');
    }
    out.push(']');
    if let Some(error) = malformed {
        let _ = write!(out, ",\"malformed\":{}", Json::from(error.to_string()));
    }
}

/// Hashes the values of chosen arguments, with a key that is never stored.
#[derive(Debug)]
pub(crate) struct Hashes {
    /// The names, and how many values of each were hashed.
    names: BTreeMap<String, u64>,
    key: Key,
}

impl Hashes {
    /// Returns hashes for the arguments with these names; `None` if the system has no random numbers.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Option<Self> {
        Some(Hashes {
            names: names.into_iter().map(|name| (name, 0)).collect(),
            key: Key::generate(HMAC_SHA256, &SystemRandom::new()).ok()?,
        })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Returns the names that no argument had.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = self.names.iter().filter(|(_, count)| **count == 0);
        unused.map(|(name, _)| name.as_str())
    }

    /// Returns the hash of a value, of the value's type, if the argument is to be hashed.
    fn of(&mut self, name: &str, value: Value<'_>) -> Option<OwnedValue> {
        let count = self.names.get_mut(name)?;
        *count += 1;
        let digest = |kind: u8, bytes: &[u8]| {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(&[kind]);
            context.update(bytes);
            context.sign()
        };
        fn first<const N: usize>(tag: &hmac::Tag) -> [u8; N] {
            let bytes = tag.as_ref().first_chunk().copied();
            bytes.unwrap_or([0; N])
        }
        Some(match value {
            // Two values at most: a hash would hide nothing.
            Value::Null | Value::Bool(_) => return None,
            Value::Int32(number) => {
                let tag = digest(1, &i64::from(number).to_be_bytes());
                OwnedValue::Int32(i32::from_be_bytes(first(&tag)) & i32::MAX)
            }
            Value::Uint32(number) => {
                let tag = digest(1, &i64::from(number).to_be_bytes());
                OwnedValue::Uint32(u32::from_be_bytes(first(&tag)))
            }
            Value::Int64(number) => {
                let tag = digest(1, &number.to_be_bytes());
                OwnedValue::Int64(i64::from_be_bytes(first(&tag)) & i64::MAX)
            }
            Value::Uint64(number) => {
                let tag = digest(1, &number.to_be_bytes());
                OwnedValue::Uint64(u64::from_be_bytes(first(&tag)))
            }
            // In networks that no host has, so that a hash is never taken for the address of somebody.
            Value::Ipv4(address) => {
                let hash = u32::from_be_bytes(first(&digest(2, &address.octets())));
                OwnedValue::Ipv4((hash | 0xf000_0000).into())
            }
            Value::Ipv6(address) => {
                let hash = u128::from_be_bytes(first(&digest(3, &address.octets())));
                OwnedValue::Ipv6((hash >> 32 | 0x2001_0db8 << 96).into())
            }
            Value::String(bytes) => {
                let tag = digest(4, bytes);
                let digits = first::<16>(&tag).map(|byte| format!("{byte:02x}"));
                OwnedValue::String(digits.concat().into())
            }
            Value::Binary(bytes) => OwnedValue::Binary(digest(4, bytes).as_ref().to_vec().into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_the_type_of_its_value_and_is_the_same_for_the_same_value() {
        let mut hashes = Hashes::new(["a".to_owned(), "b".to_owned()]).unwrap();
        for value in [
            Value::Int32(5),
            Value::Uint32(5),
            Value::Int64(5),
            Value::Uint64(5),
            Value::Ipv4([192, 0, 2, 7].into()),
            Value::Ipv6("2001:db8::7".parse().unwrap()),
            Value::String(b"text"),
            Value::Binary(b"bytes"),
        ] {
            let hash = hashes.of("a", value).unwrap();
            assert_eq!(hash.data_type(), value.data_type());
            assert_ne!(hash, value);
            assert_eq!(hashes.of("a", value), Some(hash));
            assert_eq!(hashes.of("c", value), None);
        }
        assert_eq!(hashes.of("a", Value::Bool(true)), None);
        let v4 = hashes.of("a", Value::Ipv4([127, 0, 0, 1].into())).unwrap();
        assert!(
            matches!(v4, OwnedValue::Ipv4(v4) if v4.octets()[0] >= 240),
            "{v4}"
        );
        let v6 = hashes.of("a", Value::Ipv6(1u128.into())).unwrap();
        assert!(v6.to_string().starts_with("2001:db8:"), "{v6}");
        assert_eq!(hashes.unused().collect::<Vec<_>>(), ["b"]);
        let other = Hashes::new(["a".to_owned()])
            .unwrap()
            .of("a", Value::String(b"text"));
        assert_ne!(
            hashes.of("a", Value::String(b"text")),
            other,
            "each recording has its own key"
        );
    }
}
