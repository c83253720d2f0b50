//! The errors of bytes that are not SPOP.

use super::Status;

/// Why bytes could not be read as SPOP.
///
/// ```
/// use spoa::spop::{DecodeError, Value};
///
/// assert_eq!(Value::decode(&[0x0a]), Err(DecodeError::UnknownDataType(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside something they announced.
    #[error("the frame ends inside a value")]
    Truncated,
    /// A variable-length integer of more than ten bytes or 64 bits.
    #[error("an integer is longer than 64 bits")]
    VarintOverflow,
    /// The low nibble of a typed datum is not one of the ten types.
    #[error("{0} is not a data type (SPOE.txt 3.1 has 0 to 9)")]
    UnknownDataType(u8),
    /// A frame of more bytes than negotiated.
    #[error("a frame of {size} bytes is larger than the {limit} allowed")]
    FrameTooBig {
        /// Bytes the frame announces, without its length prefix.
        size: u32,
        /// Bytes allowed.
        limit: u32,
    },
    /// A frame of fewer bytes than its fixed head has.
    #[error("a frame of {0} bytes is shorter than its head")]
    FrameTooShort(u32),
    /// A key of a HELLO or DISCONNECT has a value of another type than SPOE.txt gives it.
    #[error("`{0}` has a value of the wrong type")]
    WrongType(&'static str),
    /// A required key is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// An action whose code, number of arguments or scope is not in SPOE.txt 3.4.
    #[error("an action of code {0} with that form is not known")]
    UnknownAction(u8),
}

/// Why an encoding could not be read. It fits a register, so that reading stays in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Truncated,
    VarintOverflow,
    UnknownDataType(u8),
}

impl From<Fault> for DecodeError {
    #[cold]
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Truncated => DecodeError::Truncated,
            Fault::VarintOverflow => DecodeError::VarintOverflow,
            Fault::UnknownDataType(code) => DecodeError::UnknownDataType(code),
        }
    }
}

impl DecodeError {
    /// Returns the status code for the peer.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            DecodeError::FrameTooBig { .. } => Status::FRAME_TOO_BIG,
            _ => Status::INVALID_FRAME,
        }
    }
}
