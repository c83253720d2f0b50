//! One header that can be sent: its name and its value are checked.

use super::token::is_token;
use std::borrow::Cow;
use std::fmt;

/// One header: its name in lower case, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: Vec<u8>,
}

/// HAProxy keeps the length of a name in 8 bits.
const LONGEST_NAME: usize = 255;

/// HAProxy keeps the length of a value in 20 bits.
const LONGEST_VALUE: usize = (1 << 20) - 1;

/// The headers that frame a message. HAProxy ignores changes to them by `set-headers-bin`, and other rules
/// would let an agent smuggle requests.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Header {
    pub(super) fn new(name: &str, value: &[u8]) -> Result<Self, BadHeader> {
        let name = checked_name(name)?;
        let value = value.trim_ascii();
        // Tabs are part of values; other control characters are not.
        let stranger = value
            .iter()
            .find(|byte| (**byte < b' ' && **byte != b'\t') || **byte == 0x7f);
        if let Some(stranger) = stranger {
            return Err(BadHeader::Value {
                name,
                byte: *stranger,
            });
        }
        check_length(&name, value.len())?;
        Ok(Header {
            name,
            value: value.to_vec(),
        })
    }
}

pub(super) fn check_length(name: &str, length: usize) -> Result<(), BadHeader> {
    if length > LONGEST_VALUE {
        Err(BadHeader::Long(name.to_owned()))
    } else {
        Ok(())
    }
}

/// Returns a name in lower case, if HTTP allows it.
pub(super) fn checked_name(name: &str) -> Result<String, BadHeader> {
    let bad = |problem| {
        Err(BadHeader::Name {
            name: name.to_owned(),
            problem,
        })
    };
    if name.is_empty() {
        return bad(Cow::Borrowed("it is empty"));
    }
    if name.len() > LONGEST_NAME {
        return bad(format!("it has more than {LONGEST_NAME} bytes").into());
    }
    if let Some(stranger) = name.chars().find(|c| !is_token(*c)) {
        return bad(format!("{stranger:?} is not allowed in it").into());
    }
    let name = name.to_ascii_lowercase();
    if FRAMING.contains(&name.as_str()) {
        Err(BadHeader::Framing(name))
    } else {
        Ok(name)
    }
}

/// Returns whether a header frames a message, for the compiler.
pub(crate) const fn frames(name: &str) -> bool {
    let mut framing: &[&str] = &FRAMING;
    while let [first, others @ ..] = framing {
        let (mut a, mut b) = (first.as_bytes(), name.as_bytes());
        while let ([x, after_x @ ..], [y, after_y @ ..]) = (a, b) {
            if *x != *y {
                break;
            }
            (a, b) = (after_x, after_y);
        }
        if a.is_empty() && b.is_empty() {
            return true;
        }
        framing = others;
    }
    false
}

/// The error for a header that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadHeader {
    /// HTTP does not allow the name.
    Name {
        /// The name.
        name: String,
        /// The problem with the name.
        problem: Cow<'static, str>,
    },
    /// The header frames a message, so only HAProxy may change it.
    Framing(String),
    /// A value has a control character.
    Value {
        /// The name of the header.
        name: String,
        /// The character.
        byte: u8,
    },
    /// A value has 1 MiB or more.
    Long(String),
    /// A header has several lines, and its variable holds one.
    Repeated(String),
}

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadHeader::Name { name, problem } => {
                write!(f, "{name:?} cannot be the name of a header: {problem}")
            }
            BadHeader::Framing(name) => write!(
                f,
                "header `{name}` frames the message, so HAProxy sets it and an agent cannot"
            ),
            BadHeader::Value { name, byte } => write!(
                f,
                "the value of header `{name}` has the byte {byte:#04x}, and headers have no control characters"
            ),
            BadHeader::Long(name) => {
                write!(f, "the value of header `{name}` has 1 MiB or more")
            }
            BadHeader::Repeated(name) => {
                write!(
                    f,
                    "header `{name}` has several lines, and its variable holds one"
                )
            }
        }
    }
}

impl std::error::Error for BadHeader {}
