//! The status codes of DISCONNECT frames (SPOE.txt 3.5), with their meaning in words.

use std::fmt;

/// Why a connection ends: a number, with a constant for each that SPOE.txt lists.
///
/// HAProxy shows a code it received as `256 + code` in the variable of `option set-on-error`.
///
/// ```
/// use spoa::spop::Status;
///
/// assert_eq!(Status::from_code(3), Status::FRAME_TOO_BIG);
/// assert_eq!(Status::FRAME_TOO_BIG.to_string(), "frame is too big");
/// assert!(!Status::from_code(77).is_known());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u32);

impl Status {
    /// Returns the status of a code on the wire.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        Status(code)
    }

    /// Returns the code on the wire.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.0
    }

    /// Returns whether SPOE.txt lists the status.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.listed().is_some()
    }

    /// Returns the meaning in the words of SPOE.txt, or "unknown status".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self.listed() {
            Some(words) => words,
            None => "unknown status",
        }
    }
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status($code);)*

            /// Every status that SPOE.txt lists, in the order of their codes.
            pub const ALL: &[Status] = &[$(Status::$name),*];

            /// Returns the meaning in the words of SPOE.txt, if it lists the status.
            const fn listed(self) -> Option<&'static str> {
                match self {
                    $(Status::$name => Some($words),)*
                    _ => None,
                }
            }

            fn constant(self) -> Option<&'static str> {
                match self {
                    $(Status::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    /// A normal end.
    NORMAL = 0, "normal";
    /// An I/O error.
    IO = 1, "I/O error";
    /// A frame or an answer did not arrive in time.
    TIMEOUT = 2, "a timeout occurred";
    /// A frame larger than negotiated.
    FRAME_TOO_BIG = 3, "frame is too big";
    /// Bytes that are not a frame.
    INVALID_FRAME = 4, "invalid frame received";
    /// HELLO without a version.
    NO_VERSION = 5, "version value not found";
    /// HELLO without a frame size.
    NO_MAX_FRAME_SIZE = 6, "max-frame-size value not found";
    /// HELLO without capabilities.
    NO_CAPABILITIES = 7, "capabilities value not found";
    /// No version that both ends speak.
    BAD_VERSION = 8, "unsupported version";
    /// A frame size out of range.
    BAD_MAX_FRAME_SIZE = 9, "max-frame-size too big or too small";
    /// Fragments, which were not agreed on.
    NO_FRAGMENTATION = 10, "payload fragmentation is not supported";
    /// Fragments of several frames of one stream at once.
    INTERLACED_FRAMES = 11, "invalid interlaced frames";
    /// An ACK for a frame that was not sent.
    FRAME_ID_NOT_FOUND = 12, "frame-id not found";
    /// Out of memory, buffers or other resources.
    RESOURCE = 13, "resource allocation error";
    /// Anything else.
    UNKNOWN = 99, "an unknown error occurred";
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.listed() {
            Some(words) => f.write_str(words),
            None => write!(f, "unknown status {}", self.0),
        }
    }
}

/// Writes the name of the constant, or `Status(77)`.
impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.constant() {
            Some(name) => f.write_str(name),
            None => write!(f, "Status({})", self.0),
        }
    }
}
