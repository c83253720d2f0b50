//! The error for a message whose arguments its handler does not take, with the change that fixes it.

use super::argument_spec::ArgSpec;
use super::{Expected, MessageSubject, Mismatch, NamedFetch};
use crate::spop::{DataType, Message, Name};
use std::fmt;

/// The reason why a message was not given to its handler.
///
/// Its text names the message, the argument, the expected and the received type, and the change in spoe.conf
/// or in the handler that fixes it. It never repeats the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(Box<RejectionParts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct RejectionParts {
    message: String,
    argument: RejectedArgument,
    rust_type: &'static str,
    expected: Expected,
    /// The sample expression of the argument, as the handler declares it.
    sample: Option<&'static str>,
    /// The attribute of the parameter or field; empty without one.
    attribute: &'static str,
    kind: RejectionKind,
    sent: Vec<String>,
    /// The name of the argument that was probably meant, as HAProxy sent it.
    meant: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RejectedArgument {
    Named(&'static str),
    At(usize),
}

/// The problem with the argument of a [`Rejection`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The message does not have the argument.
    Missing,
    /// The argument is NULL: HAProxy had no value for its sample.
    Null,
    /// The argument is of this type, and does not convert.
    Mismatch(DataType, Mismatch),
}

impl Rejection {
    #[cold]
    pub(crate) fn new(
        message: &Message<'_>,
        spec: &ArgSpec,
        expected: Expected,
        kind: RejectionKind,
    ) -> Self {
        let ArgSpec {
            name,
            index,
            rust_type,
            sample,
            attribute,
            ..
        } = *spec;
        let argument = match (name, index) {
            (_, Some(index)) => RejectedArgument::At(index),
            (name, None) => RejectedArgument::Named(name.unwrap_or_default()),
        };
        let sent = message
            .args()
            .iter()
            .take(SENT)
            .map(|arg| shown(arg.name))
            .collect();
        let meant = name.and_then(|name| meant(message, name));
        let message = message.name().to_string();
        Rejection(Box::new(RejectionParts {
            message,
            argument,
            rust_type,
            expected,
            sample,
            attribute,
            kind,
            sent,
            meant,
        }))
    }

    /// Returns the name of the message.
    #[must_use]
    pub fn message_name(&self) -> &str {
        &self.0.message
    }

    /// Returns the name of the argument; `None` if it is taken by position.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.0.argument.name()
    }

    /// Returns the problem with the argument.
    #[must_use]
    pub fn kind(&self) -> &RejectionKind {
        &self.0.kind
    }

    /// Returns whether HAProxy sent no value.
    pub(crate) fn is_of_missing(&self) -> bool {
        matches!(self.0.kind, RejectionKind::Missing | RejectionKind::Null)
    }

    /// Returns the problem with the argument.
    pub(crate) fn into_kind(self) -> RejectionKind {
        self.0.kind
    }

    /// Returns the values that the handler expects.
    #[must_use]
    pub fn expected(&self) -> Expected {
        self.0.expected
    }
}

/// Returns the argument that a parameter probably means. The two names differ only in `-` and `_`, in upper and
/// lower case, or in a `_` at the start.
fn meant(message: &Message<'_>, name: &str) -> Option<String> {
    let plain = |name: &str| {
        name.trim_start_matches('_')
            .replace('-', "_")
            .to_ascii_lowercase()
    };
    let mut sent = message.args().iter().filter_map(|arg| arg.name.to_str());
    let meant = sent.find(|sent| !sent.is_empty() && plain(sent) == plain(name))?;
    Some(meant.to_owned())
}

/// The largest number of arguments that a rejection lists.
const SENT: usize = 20;

fn shown(name: Name<'_>) -> String {
    if name.is_empty() {
        "(unnamed)".to_owned()
    } else {
        format!("`{}`", name.excerpt())
    }
}

impl RejectedArgument {
    fn name(&self) -> Option<&'static str> {
        match self {
            RejectedArgument::Named(name) => Some(name),
            RejectedArgument::At(_) => None,
        }
    }

    /// Returns a sample fetch that gives such an argument.
    fn fetch(&self, expected: Expected) -> Option<&'static str> {
        if matches!(expected, Expected::Headers) {
            return Some("req.hdrs_bin");
        }
        // The frame does not name the event of the message.
        NamedFetch::find(self.name()?, expected, MessageSubject::Connection)
            .map(|fetch| fetch.expression)
    }
}

impl fmt::Display for RejectedArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RejectedArgument::Named(name) => write!(f, "argument `{name}`"),
            RejectedArgument::At(index) => write!(f, "argument number {index} (counting from 0)"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RejectionParts {
            message,
            argument,
            rust_type,
            expected,
            sample,
            attribute,
            kind,
            sent,
            meant,
        } = &*self.0;
        // The name of a message for the fallback may be as long as a frame.
        let message = Name::from(message.as_str()).excerpt();
        let fetch = || sample.or_else(|| argument.fetch(*expected));
        match kind {
            RejectionKind::Missing => {
                write!(
                    f,
                    "message `{message}` has no {argument}, which should be {expected}; "
                )?;
                match sent.as_slice() {
                    [] => f.write_str("HAProxy sent no arguments; ")?,
                    sent => write!(f, "HAProxy sent {}; ", sent.join(", "))?,
                }
                match (meant, *attribute, argument.name()) {
                    (Some(meant), "arg", _) => {
                        return write!(
                            f,
                            "to take `{meant}` write `#[arg(\"{meant}\")]` before the parameter"
                        );
                    }
                    (Some(meant), "spoa", _) => {
                        return write!(
                            f,
                            "to take `{meant}` write `#[spoa(\"{meant}\")]` before the field"
                        );
                    }
                    (Some(meant), _, Some(name)) => {
                        return write!(
                            f,
                            "in `spoe-message {message}` of spoe.conf rename `{meant}` to `{name}`"
                        );
                    }
                    _ => {}
                }
                match (argument.name(), fetch()) {
                    (Some(name), Some(fetch)) => write!(
                        f,
                        "in `spoe-message {message}` of spoe.conf write `args {name}={fetch}`"
                    )?,
                    (Some(name), None) => write!(
                        f,
                        "in `spoe-message {message}` of spoe.conf write `args {name}=…` with a \
                         sample fetch that gives it"
                    )?,
                    (None, _) => write!(
                        f,
                        "add it to `args` in `spoe-message {message}` of spoe.conf"
                    )?,
                }
                write!(f, ", or take `Option<{rust_type}>`")
            }
            RejectionKind::Null => {
                write!(f, "{argument} of message `{message}` is NULL: ")?;
                match sample {
                    Some(sample) => write!(f, "HAProxy had no value for `{sample}`")?,
                    None => f.write_str("HAProxy had no sample for it")?,
                }
                write!(f, "; take `Option<{rust_type}>`")?;
                match *attribute {
                    "" => Ok(()),
                    attribute => {
                        write!(f, " or give a default with `#[{attribute}(default = …)]`")
                    }
                }
            }
            RejectionKind::Mismatch(got, mismatch) => {
                write!(
                    f,
                    "{argument} of message `{message}` should be {expected}, but "
                )?;
                match mismatch {
                    Mismatch::Missing => f.write_str("HAProxy had no value for it")?,
                    Mismatch::Type => write!(f, "HAProxy sent {got}")?,
                    Mismatch::Range => write!(f, "the {got} that HAProxy sent is out of range")?,
                    Mismatch::Syntax => {
                        write!(f, "the {got} that HAProxy sent does not read as one")?
                    }
                    Mismatch::Utf8 => write!(f, "the {got} that HAProxy sent is not UTF-8")?,
                    Mismatch::Other(words) => f.write_str(words)?,
                }
                let taken = ParameterType::new(rust_type);
                // A header that holds a number is text to HAProxy.
                let mut or = "";
                if let (Some(int), DataType::String, Mismatch::Type) =
                    (taken.integer(*expected), got, mismatch)
                {
                    let parse = taken.or_option(&format!("Parse<{int}>"));
                    write!(f, "; take `{parse}` to read it from text")?;
                    or = " or";
                }
                match mismatch {
                    Mismatch::Utf8 => match expected {
                        Expected::Text => write!(
                            f,
                            "; take `{}` or `{}`",
                            taken.or_option("Text<'_>"),
                            taken.or_option("&[u8]")
                        ),
                        _ => write!(f, "; {}", taken.or_mismatch()),
                    },
                    Mismatch::Range => match taken.wider(*expected, *got) {
                        Some(wider) => write!(f, "; take `{}`", taken.or_option(wider)),
                        None => Ok(()),
                    },
                    // The sample is right, but its text does not parse.
                    Mismatch::Syntax => write!(f, "; {}", taken.or_mismatch()),
                    Mismatch::Missing | Mismatch::Other(_) => Ok(()),
                    Mismatch::Type if is_other_family(*expected, *got) => {
                        write!(f, "; take `{}`", taken.or_option("IpAddr"))
                    }
                    Mismatch::Type if matches!(expected, Expected::Any | Expected::Other(_)) => {
                        Ok(())
                    }
                    Mismatch::Type => match (argument.name(), fetch()) {
                        (Some(name), Some(fetch)) => write!(
                            f,
                            ";{or} in `spoe-message {message}` of spoe.conf write `args {name}={fetch}`"
                        ),
                        (Some(name), None) => write!(
                            f,
                            ";{or} in `spoe-message {message}` of spoe.conf give `{name}=…` another \
                             sample fetch"
                        ),
                        (None, Some(fetch)) => {
                            write!(f, ";{or} give it a sample like `{fetch}` in spoe.conf")
                        }
                        (None, None) => Ok(()),
                    },
                }
            }
        }
    }
}

/// Returns whether an address is of the other family than the expected one. One sample can give both families.
fn is_other_family(expected: Expected, got: DataType) -> bool {
    matches!(
        (expected, got),
        (Expected::Ipv4, DataType::Ipv6) | (Expected::Ipv6, DataType::Ipv4)
    )
}

/// The type of a parameter, as written.
#[derive(Clone, Copy)]
struct ParameterType {
    /// The type without its `Option`.
    inner: &'static str,
    optional: bool,
}

impl ParameterType {
    fn new(rust_type: &'static str) -> Self {
        let inner = rust_type.strip_prefix("Option<");
        let inner = inner.and_then(|inner| inner.strip_suffix('>'));
        ParameterType {
            inner: inner.unwrap_or(rust_type).trim(),
            optional: inner.is_some(),
        }
    }

    /// Returns another type, in an `Option` if this one is in an `Option`.
    fn or_option(self, rust_type: &str) -> String {
        if self.optional {
            format!("Option<{rust_type}>")
        } else {
            rust_type.to_owned()
        }
    }

    /// Returns the advice for text that a client chooses.
    fn or_mismatch(self) -> String {
        format!(
            "if a client chooses it, take `Result<{}, Mismatch>` or `{}`",
            self.inner,
            self.or_option("&[u8]")
        )
    }

    /// Returns the type if it is `bool` or one of Rust's integers. A type of the program may have other rules.
    fn integer(self, expected: Expected) -> Option<&'static str> {
        const INTEGERS: [&str; 11] = [
            "bool", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize",
        ];
        let reads = matches!(expected, Expected::Bool | Expected::Integer { .. });
        (reads && INTEGERS.contains(&self.inner)).then_some(self.inner)
    }

    /// Returns the Rust type that takes every integer of a type on the wire, unless the handler takes it already.
    fn wider(self, expected: Expected, got: DataType) -> Option<&'static str> {
        let wider = match got {
            DataType::Uint64 => "u64",
            _ => "i64",
        };
        self.integer(expected)
            .and_then(|taken| (taken != wider).then_some(wider))
    }
}

impl std::error::Error for Rejection {}
