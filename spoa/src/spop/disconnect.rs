//! HAPROXY-DISCONNECT and AGENT-DISCONNECT (SPOE.txt 3.2.8, 3.2.9): how an end says goodbye.

use super::{DecodeError, Flags, FrameIds, FrameType, FrameWriter, Status, Value, pairs};

/// The payload of both DISCONNECT frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why.
    pub status: Status,
    /// Why, in the peer's words.
    pub message: &'a str,
}

impl<'a> Disconnect<'a> {
    /// Reads the payload. Unknown keys are ignored; a missing message is empty.
    ///
    /// # Errors
    /// A [`DecodeError`] if the payload is no list of pairs or has no `status-code`.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let (mut status, mut message) = (None, "");
        for pair in pairs::pairs(payload) {
            match pair? {
                (b"status-code", value) => status = Some(pairs::number("status-code", value)?),
                (b"message", value) => message = pairs::text("message", value).unwrap_or_default(),
                _ => {}
            }
        }
        let status = Status::from_code(status.ok_or(DecodeError::Missing("status-code"))?);
        Ok(Disconnect { status, message })
    }

    /// Appends a HAPROXY-DISCONNECT or AGENT-DISCONNECT to `out`.
    pub fn encode(&self, frame_type: FrameType, out: &mut Vec<u8>) {
        let frame = FrameWriter::begin(frame_type, Flags::FIN, FrameIds::ZERO, out);
        pairs::push("status-code", Value::Uint32(self.status.code()), out);
        pairs::push("message", self.message.into(), out);
        frame.finish(out);
    }
}

impl From<Status> for Disconnect<'static> {
    fn from(status: Status) -> Self {
        Disconnect {
            status,
            message: status.words(),
        }
    }
}
