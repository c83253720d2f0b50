//! Counts the answers that an agent owes its peer, without the agent's session.
//!
//! It knows the order of frames, not what their payloads mean.

use super::MAX_REASSEMBLED;
use spoa::spop::session::Foreign;
use spoa::spop::{Frame, FrameIds, FrameType, HaproxyHello};
use std::collections::HashMap;

/// The frames that an agent sends in answer to some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Whether it says HELLO.
    pub hello: bool,
    /// The ids of its ACKs, and the payload each answers, `None` for one above the limit.
    pub acks: Vec<(FrameIds, Option<Vec<u8>>)>,
    /// Whether it sends a DISCONNECT.
    pub disconnect: bool,
    /// Whether it closes silently.
    pub silent: bool,
    /// The frame size agreed on.
    pub limit: u32,
}

/// The most NOTIFYs that may be coming in fragments at once.
const MAX_OPEN: usize = 64;

/// Reads `bytes` as a peer that knows the rules and nothing else.
#[must_use]
pub fn expected(mut bytes: &[u8]) -> Expected {
    let mut owed = Expected {
        limit: 4096,
        ..Expected::default()
    };
    let mut open: HashMap<FrameIds, Option<Vec<u8>>> = HashMap::new();
    loop {
        let before = bytes;
        let frame = match Frame::split(&mut bytes, owed.limit) {
            Ok(Some(frame)) => frame,
            Ok(None) => return owed,
            Err(_) => {
                owed.silent = !owed.hello && Foreign::known_by(before).is_some();
                owed.disconnect = !owed.silent;
                return owed;
            }
        };
        if !owed.hello {
            let hello = match frame.frame_type {
                FrameType::HAPROXY_HELLO => HaproxyHello::decode(frame.payload).ok(),
                _ => None,
            };
            let Some(hello) = hello else {
                owed.disconnect = true;
                return owed;
            };
            owed.hello = true;
            owed.limit = hello.max_frame_size.min(1 << 20);
            continue;
        }
        match frame.frame_type {
            FrameType::NOTIFY if frame.flags.fin() && !frame.flags.abort() => {
                owed.acks.push((frame.ids, Some(frame.payload.to_vec())));
            }
            // Given up before it began; what is open under the same ids goes on.
            FrameType::NOTIFY if frame.flags.abort() => {}
            FrameType::UNSET if frame.flags.abort() => {
                open.remove(&frame.ids);
            }
            FrameType::NOTIFY | FrameType::UNSET => {
                let begins = frame.frame_type == FrameType::NOTIFY;
                if begins == open.contains_key(&frame.ids) || (begins && open.len() >= MAX_OPEN) {
                    owed.disconnect = true;
                    return owed;
                }
                let held: usize = open.values().flatten().map(Vec::len).sum();
                let payload = open.entry(frame.ids).or_insert_with(|| Some(Vec::new()));
                if held + frame.payload.len() > MAX_REASSEMBLED {
                    *payload = None;
                } else if let Some(payload) = payload {
                    payload.extend(frame.payload);
                }
                if frame.flags.fin() {
                    owed.acks
                        .extend(open.remove(&frame.ids).map(|whole| (frame.ids, whole)));
                }
            }
            unknown if !unknown.is_known() => {}
            _ => {
                owed.disconnect = true;
                return owed;
            }
        }
    }
}
