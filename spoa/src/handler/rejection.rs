//! A message that does not have what its handler takes, and what to change in spoe.conf.

use super::param::ArgSpec;
use super::{Expected, Fetch, Mismatch};
use crate::spop::{DataType, Message, Name};
use std::fmt;

/// Why a message was not given to its handler.
///
/// Its text names the message, the argument, what was expected, what came, and the change in
/// spoe.conf or in the handler that mends it. It never repeats the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    message: String,
    argument: Argument,
    rust_type: &'static str,
    expected: Expected,
    /// The sample expression that gives it, as the handler says.
    sample: Option<&'static str>,
    kind: RejectionKind,
    sent: Vec<String>,
    /// The argument that was meant, as it seems, under the name HAProxy gave it.
    meant: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Argument {
    Named(&'static str),
    At(usize),
}

/// What was wrong with the argument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The message does not have it.
    Missing,
    /// It is NULL: HAProxy had no sample for it.
    Null,
    /// It is of this type and does not convert.
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
            ..
        } = *spec;
        let argument = match (name, index) {
            (_, Some(index)) => Argument::At(index),
            (name, None) => Argument::Named(name.unwrap_or_default()),
        };
        let sent = message
            .args()
            .take(SENT)
            .map(|arg| shown(arg.name))
            .collect();
        let meant = name.and_then(|name| meant(message, name));
        let message = message.name().to_string();
        Rejection(Box::new(Inner {
            message,
            argument,
            rust_type,
            expected,
            sample,
            kind,
            sent,
            meant,
        }))
    }

    /// The name of the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of the argument; `None` for one taken by position.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.0.argument.name()
    }

    /// What was wrong with it.
    #[must_use]
    pub fn kind(&self) -> &RejectionKind {
        &self.0.kind
    }

    /// What it should have been.
    #[must_use]
    pub fn expected(&self) -> Expected {
        self.0.expected
    }
}

/// The argument whose name is the parameter's but for what the name of a parameter cannot have, a
/// `-`, or has for reasons of its own, small letters and a `_` before those that are not used.
fn meant(message: &Message<'_>, name: &str) -> Option<String> {
    let plain = |name: &str| {
        name.trim_start_matches('_')
            .replace('-', "_")
            .to_lowercase()
    };
    let mut sent = message.args().filter_map(|arg| arg.name.to_str());
    let meant = sent.find(|sent| !sent.is_empty() && plain(sent) == plain(name))?;
    Some(meant.to_owned())
}

/// The most names of arguments that a rejection lists.
const SENT: usize = 20;

fn shown(name: Name<'_>) -> String {
    if name.is_empty() {
        "(unnamed)".to_owned()
    } else {
        format!("`{}`", name.excerpt())
    }
}

impl Argument {
    fn name(&self) -> Option<&'static str> {
        match self {
            Argument::Named(name) => Some(name),
            Argument::At(_) => None,
        }
    }

    /// A sample fetch that might give it.
    fn fetch(&self, expected: Expected) -> Option<&'static str> {
        Fetch::suggest(self.name(), expected).map(|fetch| fetch.fetch)
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Named(name) => write!(f, "argument `{name}`"),
            Argument::At(index) => write!(f, "argument number {index} (counting from 0)"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            message,
            argument,
            rust_type,
            expected,
            sample,
            kind,
            sent,
            meant,
        } = &*self.0;
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
                if let Some(meant) = meant {
                    return write!(
                        f,
                        "to take `{meant}` write `#[arg(\"{meant}\")]` before the parameter"
                    );
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
                write!(
                    f,
                    "; take `Option<{rust_type}>` or give a default with `#[arg(default = …)]`"
                )
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
                // A header that holds a number is text to HAProxy.
                let reads = matches!(expected, Expected::Integer { .. } | Expected::Bool);
                let mut or = "";
                if reads && (got, mismatch) == (&DataType::String, &Mismatch::Type) {
                    write!(f, "; take `Parse<{rust_type}>` to read it from text")?;
                    or = " or";
                }
                match (mismatch, argument) {
                    (Mismatch::Utf8, _) => f.write_str("; take `&[u8]`"),
                    (Mismatch::Range, _) => {
                        write!(f, "; take a wider type than `{rust_type}`")
                    }
                    (Mismatch::Syntax, _) if matches!(expected, Expected::Other(_)) => f.write_str(
                        "; if a client chooses it, take `&[u8]` and read it in the handler",
                    ),
                    // What was wrong is the text, not where it comes from.
                    _ if matches!(expected, Expected::Any | Expected::Other(_)) => Ok(()),
                    _ => match (argument.name(), fetch()) {
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

impl std::error::Error for Rejection {}
