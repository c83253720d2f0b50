//! The status codes of DISCONNECT frames (SPOE.txt 3.5), with their meaning in words.
//!
//! It does not know which of them ends a connection when.

use std::fmt;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// Why a connection ends.
        ///
        /// HAProxy shows a code it received as `256 + code` in the variable of
        /// `option set-on-error`.
        ///
        /// ```
        /// use spoa::spop::Status;
        ///
        /// assert_eq!(Status::from_code(3), Status::FrameTooBig);
        /// assert_eq!(Status::FrameTooBig.to_string(), "frame is too big");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Status {
            $($(#[$doc])* $name,)*
            /// A code SPOE.txt does not list.
            Other(u32),
        }

        impl Status {
            /// Every status SPOE.txt lists.
            pub const ALL: &[Status] = &[$(Status::$name),*];

            /// The code on the wire.
            #[must_use]
            pub fn code(self) -> u32 {
                match self {
                    $(Status::$name => $code,)*
                    Status::Other(code) => code,
                }
            }

            /// The status of a code.
            #[must_use]
            pub fn from_code(code: u32) -> Self {
                match code {
                    $($code => Status::$name,)*
                    other => Status::Other(other),
                }
            }

            /// The meaning in words, as SPOE.txt has them.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Status::$name => $words,)*
                    Status::Other(_) => "unknown status",
                }
            }
        }
    };
}

statuses! {
    /// A normal end.
    Normal = 0, "normal";
    /// An I/O error.
    Io = 1, "I/O error";
    /// Something did not come in time.
    Timeout = 2, "a timeout occurred";
    /// A frame larger than negotiated.
    FrameTooBig = 3, "frame is too big";
    /// Bytes that are no frame.
    InvalidFrame = 4, "invalid frame received";
    /// HELLO without a version.
    NoVersion = 5, "version value not found";
    /// HELLO without a frame size.
    NoMaxFrameSize = 6, "max-frame-size value not found";
    /// HELLO without capabilities.
    NoCapabilities = 7, "capabilities value not found";
    /// No version both ends speak.
    BadVersion = 8, "unsupported version";
    /// A frame size out of bounds.
    BadMaxFrameSize = 9, "max-frame-size too big or too small";
    /// Fragments where they were not agreed.
    NoFragmentation = 10, "payload fragmentation is not supported";
    /// Fragments of several frames of one stream at once.
    InterlacedFrames = 11, "invalid interlaced frames";
    /// An ACK for a frame that was not sent.
    FrameIdNotFound = 12, "frame-id not found";
    /// Out of memory, buffers or room.
    Resource = 13, "resource allocation error";
    /// Anything else.
    Unknown = 99, "an unknown error occurred";
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Other(code) => write!(f, "unknown status {code}"),
            known => f.write_str(known.words()),
        }
    }
}
