//! Checks the invariants for any bytes of a peer: one function for each part, which panics if one is broken.
//!
//! The fuzz targets in `fuzz/` and the tests on stable call the same functions. In the input of all
//! but the decoder, the first byte says how the rest is cut into reads (0: not at all), the second
//! what the rest is: bit 0 puts a good HELLO in front, bit 1 takes the rest for a list of frames
//! whose lengths are right ([`framed`]), not for bytes as they come.

mod agent;
mod headers;
mod model;
mod sessions;

pub use agent::in_process_agent;
pub use headers::header_blocks;
pub use model::{Expected, expected};
pub use sessions::{agent_session, engine_session, frame_decoder, reassembly};

use spoa::spop::{Flags, Frame, FrameIds, FrameType};
use spoa_test_support::hello;

/// The most bytes held for fragments: few, so that inputs get there.
const MAX_REASSEMBLED: usize = 2000;

/// The frame size of the HELLO put in front.
const MAX_FRAME_SIZE: u32 = 1024;

/// An input, taken apart.
struct Input {
    /// How many bytes one read has.
    chunk: usize,
    bytes: Vec<u8>,
}

impl Input {
    fn new(data: &[u8]) -> Self {
        let [chunk, how, rest @ ..] = data else {
            return Input {
                chunk: 1,
                bytes: Vec::new(),
            };
        };
        let mut bytes = match how & 1 {
            0 => Vec::new(),
            _ => hello(MAX_FRAME_SIZE),
        };
        match how & 2 {
            0 => bytes.extend(rest),
            _ => bytes.extend(framed(rest)),
        }
        let chunk = match chunk {
            0 => bytes.len().max(1),
            _ => usize::from(*chunk),
        };
        Input { chunk, bytes }
    }

    fn reads(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.chunk)
    }
}

/// Frames with good heads: each is a byte for its type, flags, stream-id, and the length of its
/// payload, and the payload.
#[must_use]
pub fn framed(mut list: &[u8]) -> Vec<u8> {
    const TYPES: [FrameType; 8] = [
        FrameType::NOTIFY,
        FrameType::UNSET,
        FrameType::HAPROXY_DISCONNECT,
        FrameType::HAPROXY_HELLO,
        FrameType::from_code(42),
        FrameType::ACK,
        FrameType::AGENT_HELLO,
        FrameType::AGENT_DISCONNECT,
    ];
    let mut bytes = Vec::new();
    while let [frame_type, flags, stream_id, size, rest @ ..] = list {
        let (payload, after) = rest.split_at(rest.len().min(usize::from(*size)));
        list = after;
        Frame {
            frame_type: TYPES[usize::from(*frame_type) % TYPES.len()],
            flags: Flags::from_bits(u32::from(*flags)),
            ids: FrameIds {
                // Few, so that fragments meet.
                stream_id: u64::from(stream_id % 4),
                frame_id: 1,
            },
            payload,
        }
        .encode(&mut bytes);
    }
    bytes
}

/// Returns the frames of an end that sends only frames.
fn frames(mut bytes: &[u8], limit: u32) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    while let Some(frame) = Frame::split(&mut bytes, limit).expect("what is sent is frames") {
        frames.push(frame);
    }
    assert!(bytes.is_empty(), "half a frame is sent");
    frames
}
