//! One message of a NOTIFY: borrowed from the frame, or a copy that outlives it.

use super::{Args, DataType, Name, Value, reader::Reader};

/// One message: its name and its arguments.
///
/// ```
/// use spoa::spop::{Messages, NotifyWriter, Value};
///
/// let mut payload = Vec::new();
/// NotifyWriter::new(&mut payload).message("log", &[("path", "/".into()), ("", Value::Int64(200))]);
/// let message = Messages::parse(&payload).unwrap().iter().next().unwrap();
/// assert!(message.name() == "log");
/// assert_eq!(message.len(), 2);
/// assert_eq!(message.get("path"), Some(Value::String(b"/")));
/// assert_eq!(message.at(1), Some(Value::Int64(200)));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    pub(super) name: Name<'a>,
    pub(super) args: Args<'a>,
}

impl<'a> Message<'a> {
    /// Returns its name, as `spoe-message` in spoe.conf gives it.
    #[inline]
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// Returns the number of arguments, 0 to 255.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Returns whether it has no arguments.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Returns its arguments, in HAProxy's order, unnamed ones included.
    #[inline]
    #[must_use]
    pub fn args(&self) -> Args<'a> {
        self.args
    }

    /// Returns the value of the first argument of that name.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.args.get(name)
    }

    /// The name of the argument that asks for a sign of success, the first of its message: its value names the
    /// variable that the agent should set.
    pub(crate) const SUCCESS_ARGUMENT: &'static str = "spoa-answered";

    /// Returns whether the first argument may be the one that asks for a sign of success: the length of
    /// its name usually shows that it is not.
    #[inline(always)]
    pub(crate) fn may_ask_for_success(&self) -> bool {
        const LENGTH: u8 = Message::SUCCESS_ARGUMENT.len() as u8;
        self.args.reader.rest().first() == Some(&LENGTH)
    }

    /// Returns the number of arguments before those of the handler: one if HAProxy asks for a sign of success.
    pub(crate) fn first_handler_argument(mut self) -> usize {
        usize::from(self.take_success_variable().is_some())
    }

    /// Removes the argument that asks for a sign of success, since the handler must not see it.
    pub(crate) fn take_success_variable(&mut self) -> Option<&'a str> {
        let name = Self::SUCCESS_ARGUMENT.as_bytes();
        match self.args.next_likely(name, DataType::String)? {
            Value::String(variable) => std::str::from_utf8(variable).ok(),
            _ => None,
        }
    }

    /// Returns the number of bytes of its name and arguments.
    pub(crate) fn size(&self) -> usize {
        self.name.as_bytes().len() + self.args.reader.rest().len()
    }

    /// Returns the value of the argument at that position, counting from 0.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Value<'a>> {
        self.args.at(index)
    }
}

/// A copy of a message.
#[derive(Debug, Default)]
pub(crate) struct MessageBuf {
    /// The name, and after it the arguments as they came.
    bytes: Vec<u8>,
    name: usize,
    args: u8,
}

impl MessageBuf {
    /// Returns an empty message with room for `bytes` bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        MessageBuf {
            bytes: Vec::with_capacity(bytes),
            ..MessageBuf::default()
        }
    }

    /// Replaces its contents by a copy of `message`.
    #[inline]
    pub(crate) fn copy(&mut self, message: &Message<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(message.name.as_bytes());
        self.bytes.extend_from_slice(message.args.reader.rest());
        self.name = message.name.as_bytes().len();
        self.args = message.args.left;
    }

    /// Returns the message, borrowed.
    #[inline]
    pub(crate) fn message(&self) -> Message<'_> {
        let (name, args) = self.bytes.split_at_checked(self.name).unwrap_or_default();
        Message {
            name: Name::new(name),
            args: Args {
                reader: Reader::new(args),
                left: self.args,
            },
        }
    }

    /// Returns how many bytes it has room for.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}
