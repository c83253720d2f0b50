//! Inputs of the protocol: every value it can carry, whole frames, and frames that were damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use spoa::client::OwnedValue;
use spoa::spop::{
    AckWriter, Action, AgentHello, Capabilities, Disconnect, Flags, Frame, FrameIds, FrameType,
    HaproxyHello, NotifyWriter, Scope, Status, VERSION,
};

/// Numbers of every length on the wire, with the borders between them and those of each type.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    let mut border = 240_u64;
    let mut borders = vec![0, u64::MAX, 1 << 31, 1 << 32, 1 << 63, i32::MIN as u64];
    for group in 1..10 {
        borders.push(border);
        border = border.saturating_add(16_u64.saturating_mul(128_u64.saturating_pow(group)));
    }
    let near = (proptest::sample::select(borders), -1_i64..=1)
        .prop_map(|(border, by)| border.wrapping_add_signed(by));
    let of_any_length = (any::<u64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift);
    prop_oneof![near, of_any_length]
}

pub(crate) fn value() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        Just(OwnedValue::Null),
        any::<bool>().prop_map(OwnedValue::Bool),
        number().prop_map(|number| OwnedValue::Int32(number as i32)),
        number().prop_map(|number| OwnedValue::Uint32(number as u32)),
        number().prop_map(|number| OwnedValue::Int64(number as i64)),
        number().prop_map(OwnedValue::Uint64),
        any::<[u8; 4]>().prop_map(|octets| OwnedValue::Ipv4(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| OwnedValue::Ipv6(octets.into())),
        vec(any::<u8>(), 0..300).prop_map(|bytes| OwnedValue::String(bytes.into())),
        vec(any::<u8>(), 0..300).prop_map(|bytes| OwnedValue::Binary(bytes.into())),
    ]
}

pub(crate) fn ids() -> impl Strategy<Value = FrameIds> {
    (number(), number()).prop_map(|(stream_id, frame_id)| FrameIds {
        stream_id,
        frame_id,
    })
}

pub(crate) fn frame_type() -> impl Strategy<Value = FrameType> {
    let codes = prop_oneof![any::<u8>(), 0_u8..4, 101_u8..104];
    codes.prop_map(FrameType::from_code)
}

pub(crate) fn capabilities() -> impl Strategy<Value = Capabilities> {
    let all = [
        Capabilities::PIPELINING,
        Capabilities::ASYNC,
        Capabilities::FRAGMENTATION,
    ];
    subsequence(all.to_vec(), 0..=3).prop_map(|some| {
        some.into_iter()
            .fold(Capabilities::NONE, |all, one| all | one)
    })
}

/// A message: its name and its arguments.
pub(crate) type OwnedMessage = (String, Vec<(String, OwnedValue)>);

pub(crate) fn messages(most: usize) -> impl Strategy<Value = Vec<OwnedMessage>> {
    let args = prop_oneof![
        9 => vec((".{0,9}", value()), 0..6),
        1 => vec((".{0,2}", value()), 250..=255),
    ];
    vec((".{0,20}", args), 0..=most)
}

pub(crate) fn payload(messages: &[OwnedMessage]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = NotifyWriter::new(&mut payload);
    for (name, args) in messages {
        let args: Vec<_> = args
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_value()))
            .collect();
        writer.message(name, &args);
    }
    payload
}

/// An action: the scope, the name, and the value to set.
pub(crate) type OwnedAction = (Scope, String, Option<OwnedValue>);

pub(crate) fn action() -> impl Strategy<Value = OwnedAction> {
    let scope = proptest::sample::select(&Scope::ALL);
    (scope, ".{0,20}", proptest::option::of(value()))
}

pub(crate) fn as_action((scope, name, value): &OwnedAction) -> Action<'_> {
    let (scope, name) = (*scope, name.as_str().into());
    match value {
        Some(value) => Action::SetVar {
            scope,
            name,
            value: value.as_value(),
        },
        None => Action::UnsetVar { scope, name },
    }
}

pub(crate) fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

/// The one frame in `bytes`.
pub(crate) fn only_frame(mut bytes: &[u8]) -> Frame<'_> {
    let frame = Frame::split(&mut bytes, u32::MAX).unwrap().unwrap();
    assert!(bytes.is_empty());
    frame
}

/// Any frame either end may send, and payloads that are of no use.
pub(crate) fn frame() -> impl Strategy<Value = Vec<u8>> {
    let notify = (ids(), messages(2)).prop_map(|(ids, messages)| {
        let (frame_type, flags, payload) = (FrameType::NOTIFY, Flags::FIN, &payload(&messages)[..]);
        encoded(|out| {
            Frame {
                frame_type,
                flags,
                ids,
                payload,
            }
            .encode(out)
        })
    });
    let ack = (ids(), vec(action(), 0..4)).prop_map(|(ids, actions)| {
        encoded(|out| {
            let mut ack = AckWriter::begin(ids, out);
            for action in &actions {
                ack.action(&as_action(action));
            }
            ack.finish();
        })
    });
    let hellos = (
        any::<bool>(),
        number(),
        capabilities(),
        any::<bool>(),
        ".{0,40}",
    )
        .prop_map(|(haproxys, size, capabilities, healthcheck, engine_id)| {
            let max_frame_size = size as u32;
            encoded(|out| {
                if haproxys {
                    let hello = HaproxyHello {
                        supported_versions: VERSION,
                        max_frame_size,
                        capabilities,
                        healthcheck,
                        engine_id: Some(&engine_id),
                    };
                    hello.encode(out);
                } else {
                    let hello = AgentHello {
                        version: VERSION,
                        max_frame_size,
                        capabilities,
                    };
                    hello.encode(out);
                }
            })
        });
    let disconnect =
        (any::<bool>(), any::<u32>(), ".{0,40}").prop_map(|(haproxys, code, message)| {
            let frame_type = if haproxys {
                FrameType::HAPROXY_DISCONNECT
            } else {
                FrameType::AGENT_DISCONNECT
            };
            let disconnect = Disconnect {
                status: Status::from_code(code),
                message: &message,
            };
            encoded(|out| disconnect.encode(frame_type, out))
        });
    let other = (frame_type(), 0_u32..4, ids(), vec(any::<u8>(), 0..40)).prop_map(
        |(frame_type, flags, ids, payload)| {
            let flags = Flags::from_bits(flags);
            encoded(|out| {
                Frame {
                    frame_type,
                    flags,
                    ids,
                    payload: &payload,
                }
                .encode(out)
            })
        },
    );
    prop_oneof![notify, ack, hellos, disconnect, other]
}

/// A change that makes bad bytes of good ones.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

pub(crate) fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<Index>().prop_map(Damage::Truncate),
    ];
    vec(one, 0..4)
}

/// The bytes after all the damage was done.
pub(crate) fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        let len = bytes.len();
        match damage {
            Damage::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            _ if len == 0 => {}
            Damage::Set(at, byte) => bytes[at.index(len)] = *byte,
            Damage::Remove(at) => drop(bytes.remove(at.index(len))),
            Damage::Truncate(at) => bytes.truncate(at.index(len)),
        }
    }
    bytes
}
