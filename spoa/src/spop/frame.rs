//! The head every frame has (SPOE.txt 3.2): length, type, flags, stream-id and frame-id.
//!
//! It does not read payloads.

use super::{DecodeError, reader::Reader, varint};
use std::fmt;

/// The bytes of the length in front of every frame.
pub const LENGTH_PREFIX: usize = 4;

/// The smallest number of bytes of a frame after its length: type, flags and two ids of a byte each.
pub const MIN_FRAME_SIZE: u32 = 7;

/// The type of a frame (SPOE.txt 3.2.2): a number, with a constant for each type that SPOE.txt lists.
/// Frames of other types must be ignored.
///
/// ```
/// use spoa::spop::FrameType;
///
/// assert_eq!(FrameType::from_code(103), FrameType::ACK);
/// assert_eq!(FrameType::HAPROXY_HELLO.to_string(), "HAPROXY-HELLO");
/// assert!(!FrameType::from_code(77).is_known());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameType(u8);

impl FrameType {
    /// Returns the type of a code on the wire.
    #[inline]
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        FrameType(code)
    }

    /// Returns the code on the wire.
    #[inline]
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Returns whether SPOE.txt lists the type.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

/// Writes the name in SPOE.txt, such as `HAPROXY-HELLO`, or `type 77`.
impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {}", self.0),
        }
    }
}

/// Writes the name of the constant, or `FrameType(77)`.
impl fmt::Debug for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.constant() {
            Some(name) => f.write_str(name),
            None => write!(f, "FrameType({})", self.0),
        }
    }
}

macro_rules! frame_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        impl FrameType {
            $($(#[$doc])* pub const $name: FrameType = FrameType($code);)*

            /// Returns the name in SPOE.txt, such as `HAPROXY-HELLO`, if it lists the type.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(FrameType::$name => Some($words),)*
                    _ => None,
                }
            }

            fn constant(self) -> Option<&'static str> {
                match self {
                    $(FrameType::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

frame_types! {
    /// A fragment of a NOTIFY after its first.
    UNSET = 0, "UNSET";
    /// HAProxy opens the conversation.
    HAPROXY_HELLO = 1, "HAPROXY-HELLO";
    /// HAProxy ends the conversation.
    HAPROXY_DISCONNECT = 2, "HAPROXY-DISCONNECT";
    /// HAProxy sends messages to the agent.
    NOTIFY = 3, "NOTIFY";
    /// The agent answers HAPROXY-HELLO.
    AGENT_HELLO = 101, "AGENT-HELLO";
    /// The agent ends the conversation.
    AGENT_DISCONNECT = 102, "AGENT-DISCONNECT";
    /// The agent answers a NOTIFY.
    ACK = 103, "ACK";
}

/// The flags of a frame (SPOE.txt 3.2): a set of 32 bits, two of which have a meaning.
///
/// ```
/// use spoa::spop::Flags;
///
/// assert!(Flags::FIN.fin() && !Flags::FIN.abort());
/// assert_eq!(Flags::from_bits(3).bits(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Flags(u32);

impl Flags {
    /// No flag: a fragment that is not the last.
    pub const NONE: Flags = Flags(0);
    /// The last fragment, or the only one.
    pub const FIN: Flags = Flags(1);
    /// The sender aborts the frame: the peer drops the fragments before it.
    pub const ABORT: Flags = Flags(2);

    /// Returns the flags with these bits, as they are on the wire.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Flags(bits)
    }

    /// Returns the bits, as they are on the wire.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether this is the last fragment.
    #[inline]
    #[must_use]
    pub const fn fin(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns whether the sender aborts the frame.
    #[inline]
    #[must_use]
    pub const fn abort(self) -> bool {
        self.0 & 2 != 0
    }
}

/// The two numbers an ACK repeats from its NOTIFY.
///
/// HAProxy ≤ 3.0 starts stream-ids at 0 and counts frame-ids per event; from 3.1 on stream-ids are
/// odd numbers of the connection and the frame-id is always 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameIds {
    /// The stream of HAProxy that waits for the ACK.
    pub stream_id: u64,
    /// The number of the frame in that stream.
    pub frame_id: u64,
}

impl FrameIds {
    /// The ids of HELLO and DISCONNECT frames: both 0.
    pub const ZERO: FrameIds = FrameIds {
        stream_id: 0,
        frame_id: 0,
    };
}

/// One frame, borrowed from the bytes it came in. SPOE.txt defines no other parts, so the struct is complete.
///
/// ```
/// use spoa::spop::{Flags, Frame, FrameIds, FrameType};
///
/// let mut bytes = Vec::new();
/// let ids = FrameIds { stream_id: 1, frame_id: 1 };
/// Frame { frame_type: FrameType::ACK, flags: Flags::FIN, ids, payload: &[] }.encode(&mut bytes);
/// assert_eq!(bytes, [0, 0, 0, 7, 103, 0, 0, 0, 1, 1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The type of the frame.
    pub frame_type: FrameType,
    /// Its flags.
    pub flags: Flags,
    /// Its stream-id and frame-id.
    pub ids: FrameIds,
    /// The bytes after the head.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes the first whole frame from `input`: `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`DecodeError::FrameTooBig`] if it announces more than `limit` bytes (known from the first
    /// four), [`DecodeError::FrameTooShort`] or another [`DecodeError`] if its head is not one.
    // Inlined for certain: otherwise the frame goes from there to the session through memory.
    #[inline(always)]
    pub fn split(input: &mut &'a [u8], limit: u32) -> Result<Option<Self>, DecodeError> {
        let Some((prefix, rest)) = input.split_first_chunk::<LENGTH_PREFIX>() else {
            return Ok(None);
        };
        let size = u32::from_be_bytes(*prefix);
        if size > limit {
            return Err(DecodeError::FrameTooBig { size, limit });
        }
        if size < MIN_FRAME_SIZE {
            return Err(DecodeError::FrameTooShort(size));
        }
        let Some((frame, rest)) = rest.split_at_checked(size as usize) else {
            return Ok(None);
        };
        let frame = Frame::decode(frame)?;
        *input = rest;
        Ok(Some(frame))
    }

    /// Reads a frame without its length prefix.
    ///
    /// # Errors
    /// A [`DecodeError`] if `bytes` end inside the head or an id is too long.
    #[inline(always)]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let frame_type = FrameType::from_code(reader.byte()?);
        let flags = Flags(u32::from_be_bytes(reader.array()?));
        let ids = FrameIds {
            stream_id: reader.varint()?,
            frame_id: reader.varint()?,
        };
        Ok(Frame {
            frame_type,
            flags,
            ids,
            payload: reader.rest(),
        })
    }

    /// Appends the frame, length first, to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let frame = OpenFrame::begin(self.frame_type, self.flags, self.ids, out);
        out.extend_from_slice(self.payload);
        frame.finish(out);
    }
}

/// Appends a frame to a buffer, its payload in place.
///
/// ```
/// use spoa::spop::{Flags, FrameIds, FrameType, FrameWriter};
///
/// let mut out = Vec::new();
/// let mut frame = FrameWriter::begin(FrameType::NOTIFY, Flags::FIN, FrameIds::ZERO, &mut out);
/// frame.payload(b"\x04ping\x00");
/// frame.finish();
/// assert_eq!(out, b"\x00\x00\x00\x0d\x03\x00\x00\x00\x01\x00\x00\x04ping\x00");
/// ```
#[derive(Debug)]
#[must_use = "without `finish` the frame has no length"]
pub struct FrameWriter<'a> {
    frame: OpenFrame,
    out: &'a mut Vec<u8>,
}

impl<'a> FrameWriter<'a> {
    /// Appends the head of a frame.
    // Inlined, a type and flags that the caller writes out are constants.
    #[inline]
    pub fn begin(frame_type: FrameType, flags: Flags, ids: FrameIds, out: &'a mut Vec<u8>) -> Self {
        let frame = OpenFrame::begin(frame_type, flags, ids, out);
        FrameWriter { frame, out }
    }

    /// Appends bytes to the payload.
    pub fn payload(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Returns the size of the frame so far, in bytes without the length prefix.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        self.frame.size(self.out)
    }

    /// Writes the length of the frame in front of it.
    #[inline]
    pub fn finish(self) {
        self.frame.finish(self.out);
    }

    /// Returns the buffer, to append to it.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }
}

/// A frame that is being appended to a buffer, which its writer passes to each call.
#[derive(Debug)]
#[must_use = "without `finish` the frame has no length"]
pub(crate) struct OpenFrame {
    start: usize,
}

impl OpenFrame {
    /// Appends the head. All that is appended to `out` before [`OpenFrame::finish`] is the payload.
    #[inline(always)]
    pub(crate) fn begin(
        frame_type: FrameType,
        flags: Flags,
        ids: FrameIds,
        out: &mut Vec<u8>,
    ) -> Self {
        let start = out.len();
        let [f0, f1, f2, f3] = flags.0.to_be_bytes();
        let code = frame_type.code();
        let FrameIds {
            stream_id,
            frame_id,
        } = ids;
        if stream_id < 240 && frame_id < 240 {
            // One check for room in the place of three.
            let (stream_id, frame_id) = (stream_id as u8, frame_id as u8);
            out.extend_from_slice(&[0, 0, 0, 0, code, f0, f1, f2, f3, stream_id, frame_id]);
        } else {
            out.extend_from_slice(&[0, 0, 0, 0, code, f0, f1, f2, f3]);
            varint::encode(stream_id, out);
            varint::encode(frame_id, out);
        }
        OpenFrame { start }
    }

    /// Returns where in the buffer the frame begins.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Returns the size of the frame so far, in bytes without the length prefix.
    #[inline]
    pub(crate) fn size(&self, out: &[u8]) -> usize {
        out.len().saturating_sub(self.start + LENGTH_PREFIX)
    }

    /// Writes the length of the frame in front of it.
    ///
    /// # Panics
    /// If `out` is not the buffer the head was appended to.
    #[inline]
    pub(crate) fn finish(self, out: &mut [u8]) {
        let size = self.size(out) as u32;
        let prefix = out
            .get_mut(self.start..)
            .and_then(|frame| frame.first_chunk_mut());
        *prefix.expect("`begin` appended the prefix to this buffer") = size.to_be_bytes();
    }
}
