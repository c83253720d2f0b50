//! HAPROXY-DISCONNECT and AGENT-DISCONNECT (SPOE.txt 3.2.8, 3.2.9): how an end closes gracefully.

use super::frame::OpenFrame;
use super::{DecodeError, Flags, FrameIds, FrameType, Status, Value, pairs};

/// The length of the longest message that HAProxy ≤ 3.0 accepts: it answers a longer one with status 4.
const MAX_MESSAGE: usize = 255;

/// The payload of both DISCONNECT frames.
///
/// ```
/// use spoa::spop::{Disconnect, Status};
///
/// let disconnect = Disconnect::from(Status::FRAME_TOO_BIG);
/// assert_eq!(disconnect.message, "frame is too big");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// The status.
    pub status: Status,
    /// The reason in the peer's words.
    pub message: &'a str,
}

impl<'a> Disconnect<'a> {
    /// Reads the payload. Unknown keys are ignored; a missing message is empty.
    ///
    /// # Errors
    /// A [`DecodeError`] if the payload is not a list of pairs or has no `status-code`.
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

    /// Appends a HAPROXY-DISCONNECT or AGENT-DISCONNECT to `out`, its message cut to 255 bytes.
    pub fn encode(&self, frame_type: FrameType, out: &mut Vec<u8>) {
        let mut end = self.message.len().min(MAX_MESSAGE);
        while !self.message.is_char_boundary(end) {
            end -= 1;
        }
        let message = self.message.get(..end).unwrap_or_default();
        let frame = OpenFrame::begin(frame_type, Flags::FIN, FrameIds::ZERO, out);
        pairs::push("status-code", Value::Uint32(self.status.code()), out);
        pairs::push("message", message.into(), out);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::Frame;

    fn message_after_the_wire(message: &str) -> String {
        let mut bytes = Vec::new();
        let disconnect = Disconnect {
            status: Status::NORMAL,
            message,
        };
        disconnect.encode(FrameType::AGENT_DISCONNECT, &mut bytes);
        let frame = Frame::split(&mut &bytes[..], 1 << 20).unwrap().unwrap();
        let read = Disconnect::decode(frame.payload).unwrap();
        read.message.to_owned()
    }

    #[test]
    fn a_message_is_cut_between_two_characters_to_the_length_that_haproxy_accepts() {
        assert_eq!(message_after_the_wire(&"x".repeat(255)), "x".repeat(255));
        assert_eq!(message_after_the_wire(&"x".repeat(256)), "x".repeat(255));
        assert_eq!(message_after_the_wire(&"é".repeat(200)), "é".repeat(127));
    }

    #[test]
    fn a_status_is_needed_and_a_message_is_not() {
        let missing = DecodeError::Missing("status-code");
        assert_eq!(Disconnect::decode(&[]), Err(missing));
        let mut payload = Vec::new();
        pairs::push("later", Value::Null, &mut payload);
        pairs::push("status-code", Value::Int64(77), &mut payload);
        let expected = Disconnect {
            status: Status::from_code(77),
            message: "",
        };
        assert_eq!(Disconnect::decode(&payload), Ok(expected));
    }
}
