//! The payload of a NOTIFY (SPOE.txt 3.2.6): messages with named, typed arguments.
//!
//! A payload is checked whole before anything is read from it; what is read afterwards cannot fail,
//! copies nothing and allocates nothing.

use super::{DataType, DecodeError, Value, reader::Reader, value::string, walk};
use crate::text::breaks_line;
use std::fmt;
use std::iter::FusedIterator;

/// The name of a message or argument: bytes that HAProxy took from its configuration.
///
/// ```
/// use spoa::spop::Name;
///
/// assert!(Name::from("client-ip") == "client-ip");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Name(bytes)
    }

    /// The bytes as they came.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The name as text, if it is UTF-8.
    #[inline]
    #[must_use]
    pub fn to_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// The most bytes of a name in a log line.
    pub(crate) const EXCERPT: usize = 100;

    /// The name as a log line has it: a peer may give one as long as a frame.
    pub(crate) fn excerpt(&self) -> String {
        match self.0.get(..Self::EXCERPT) {
            Some(head) if head.len() < self.0.len() => format!("{}…", Name(head)),
            _ => self.to_string(),
        }
    }

    /// Whether there is no name: `args src` without `name=` in spoe.conf.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name(name.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(name: &'a [u8]) -> Self {
        Name(name)
    }
}

impl PartialEq<str> for Name<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Name<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            Some(name) if !name.contains(breaks_line) => f.pad(name),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// The messages of a NOTIFY, in HAProxy's order.
///
/// Two messages of one event, or of one group, travel in one NOTIFY.
///
/// ```
/// use spoa::spop::{Messages, NotifyWriter};
///
/// let mut payload = Vec::new();
/// NotifyWriter::new(&mut payload).message("first", &[]).message("second", &[]);
/// let messages = Messages::parse(&payload)?;
/// assert_eq!(messages.len(), 2);
/// for message in messages {
///     println!("{}", message.name());
/// }
/// # Ok::<(), spoa::spop::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages<'a> {
    reader: Reader<'a>,
    left: usize,
    /// The index of the first message that is left.
    index: usize,
    /// The numbers of bytes of the first messages.
    lengths: [u32; KNOWN],
}

/// The number of messages whose lengths are kept from the check of a payload: few payloads have more.
const KNOWN: usize = 4;

impl<'a> Messages<'a> {
    /// Checks a NOTIFY's payload from end to end.
    ///
    /// # Errors
    /// A [`DecodeError`] if it is no list of messages. One cause is a message of more than 255
    /// arguments, which HAProxy accepts and sends with a wrapped count.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut left = 0;
        let mut at = 0;
        let mut lengths = [0; KNOWN];
        while at < payload.len() {
            let Some(end) = walk::message(payload, at) else {
                return Err(walk::fault(payload).into());
            };
            if let Some(length) = lengths.get_mut(left) {
                *length = (end - at) as u32;
            }
            at = end;
            left += 1;
        }
        if at > payload.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(Messages {
            reader: Reader::new(payload),
            left,
            index: 0,
            lengths,
        })
    }

    /// Returns the number of messages.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Returns whether there are no messages.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Returns an iterator over the messages.
    #[inline(always)]
    pub fn iter(&self) -> MessageIter<'a> {
        MessageIter(*self)
    }

    /// Reads the message at the front.
    #[inline(always)]
    fn take_first(&mut self) -> Option<Message<'a>> {
        let length = match self.lengths.get(self.index) {
            Some(length) => *length as usize,
            None => walk::first(self.reader.rest())?,
        };
        let (message, rest) = self.reader.rest().split_at_checked(length)?;
        self.reader = Reader::new(rest);
        self.index += 1;
        let mut reader = Reader::new(message);
        let name = Name::new(reader.string().ok()?);
        let left = reader.byte().ok()?;
        Some(Message {
            name,
            args: Args { reader, left },
        })
    }
}

impl<'a> IntoIterator for Messages<'a> {
    type Item = Message<'a>;
    type IntoIter = MessageIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> MessageIter<'a> {
        MessageIter(self)
    }
}

impl<'a> IntoIterator for &Messages<'a> {
    type Item = Message<'a>;
    type IntoIter = MessageIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> MessageIter<'a> {
        self.iter()
    }
}

/// An iterator over [`Messages`].
#[derive(Clone, Debug)]
pub struct MessageIter<'a>(Messages<'a>);

impl<'a> Iterator for MessageIter<'a> {
    type Item = Message<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Message<'a>> {
        let messages = &mut self.0;
        if messages.left == 0 {
            return None;
        }
        messages.left -= 1;
        messages.take_first()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left, Some(self.0.left))
    }
}

impl ExactSizeIterator for MessageIter<'_> {}
impl FusedIterator for MessageIter<'_> {}

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
    name: Name<'a>,
    args: Args<'a>,
}

impl<'a> Message<'a> {
    /// Its name, as `spoe-message` in spoe.conf gives it.
    #[inline]
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// How many arguments it has, 0 to 255.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether it has no arguments.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Its arguments, in HAProxy's order, unnamed ones included.
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

    /// The name of the argument that asks for a sign of success, the first of its message: its value is the
    /// variable that the agent is to set.
    pub(crate) const ANSWERED: &'static str = "spoa-answered";

    /// Returns whether the first argument may be the one that asks for a sign of success: the length of
    /// its name tells mostly that it is not.
    #[inline(always)]
    pub(crate) fn may_ask(&self) -> bool {
        const LENGTH: u8 = Message::ANSWERED.len() as u8;
        self.args.reader.rest().first() == Some(&LENGTH)
    }

    /// Takes the argument off that asks for a sign of success: it is not the handler's.
    pub(crate) fn take_answered(&mut self) -> Option<&'a str> {
        let name = Self::ANSWERED.as_bytes();
        match self.args.next_likely(name, DataType::String)? {
            Value::String(variable) => std::str::from_utf8(variable).ok(),
            _ => None,
        }
    }

    /// Returns the value of the argument at that place, counting from 0.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Value<'a>> {
        self.args.at(index)
    }
}

/// A message of its own.
#[derive(Debug, Default)]
pub(crate) struct MessageBuf {
    /// The name, and behind it the arguments as they came.
    bytes: Vec<u8>,
    name: usize,
    args: u8,
}

impl MessageBuf {
    /// An empty one, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        MessageBuf {
            bytes: Vec::with_capacity(bytes),
            ..MessageBuf::default()
        }
    }

    /// Makes it a copy of `message`.
    #[inline]
    pub(crate) fn copy(&mut self, message: &Message<'_>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(message.name.0);
        self.bytes.extend_from_slice(message.args.reader.rest());
        self.name = message.name.0.len();
        self.args = message.args.left;
    }

    /// The message, borrowed.
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

    /// How many bytes it holds.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// One argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Its name; empty where spoe.conf gives none.
    pub name: Name<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// The arguments of a message, in HAProxy's order.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::spop::Args;
///
/// #[spoe_message("log")]
/// fn log(args: Args<'_>) -> SetVar<usize> {
///     for arg in args {
///         println!("{}={}", arg.name, arg.value);
///     }
///     SetVar::transaction("logged", args.len())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Args<'a> {
    reader: Reader<'a>,
    left: u8,
}

impl<'a> Args<'a> {
    /// Returns the number of arguments, 0 to 255.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.left)
    }

    /// Returns whether there are no arguments.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Returns an iterator over the arguments.
    #[inline(always)]
    pub fn iter(&self) -> ArgIter<'a> {
        ArgIter(*self)
    }

    /// Returns the value of the first argument of that name.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.iter()
            .find(|arg| arg.name == name)
            .map(|arg| arg.value)
    }

    /// Returns the value of the argument at that place, counting from 0.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Value<'a>> {
        self.iter().nth(index).map(|arg| arg.value)
    }

    /// Takes the value of the first argument off, if that has this name and likely is of this type;
    /// otherwise takes nothing.
    #[inline(always)]
    pub(crate) fn next_likely(&mut self, name: &[u8], likely: DataType) -> Option<Value<'a>> {
        let mut reader = self.reader;
        if self.left == 0 || reader.string().ok()? != name {
            return None;
        }
        let value = reader.likely(likely)?;
        self.reader = reader;
        self.left -= 1;
        Some(value)
    }

    #[inline]
    fn take_first(&mut self) -> Option<Arg<'a>> {
        // `Messages::parse` has checked these bytes.
        Some(Arg {
            name: Name::new(self.reader.string().ok()?),
            value: self.reader.value().ok()?,
        })
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = Arg<'a>;
    type IntoIter = ArgIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> ArgIter<'a> {
        ArgIter(self)
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = Arg<'a>;
    type IntoIter = ArgIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> ArgIter<'a> {
        self.iter()
    }
}

/// An iterator over [`Args`].
#[derive(Clone, Debug)]
pub struct ArgIter<'a>(Args<'a>);

impl<'a> ArgIter<'a> {
    /// Returns the arguments that are left.
    #[inline(always)]
    pub(crate) fn rest(self) -> Args<'a> {
        self.0
    }
}

impl<'a> Iterator for ArgIter<'a> {
    type Item = Arg<'a>;

    // The end is checked here, where it is inlined: half of the calls are for that.
    #[inline(always)]
    fn next(&mut self) -> Option<Arg<'a>> {
        let args = &mut self.0;
        if args.left == 0 {
            return None;
        }
        args.left -= 1;
        args.take_first()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for ArgIter<'_> {}
impl FusedIterator for ArgIter<'_> {}

/// Appends messages to the payload of a NOTIFY.
///
/// ```
/// use spoa::spop::{Messages, NotifyWriter, Value};
///
/// let mut payload = Vec::new();
/// NotifyWriter::new(&mut payload)
///     .message("first", &[("n", Value::Int64(1))])
///     .message("second", &[]);
/// assert_eq!(Messages::parse(&payload).unwrap().len(), 2);
/// ```
#[derive(Debug)]
pub struct NotifyWriter<'a> {
    out: &'a mut Vec<u8>,
    too_many: Option<usize>,
}

impl<'a> NotifyWriter<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        NotifyWriter {
            out,
            too_many: None,
        }
    }

    /// Appends one message. As in HAProxy, the count of arguments is one byte: more than 255 make a
    /// message that no agent can read.
    pub fn message(&mut self, name: &str, args: &[(&str, Value<'_>)]) -> &mut Self {
        string(name.as_bytes(), self.out);
        self.out.push(args.len() as u8);
        if args.len() > usize::from(u8::MAX) {
            self.too_many = Some(args.len());
        }
        for (name, value) in args {
            string(name.as_bytes(), self.out);
            value.encode(self.out);
        }
        self
    }

    /// An error if a message has more arguments than its count can say: how many it has.
    #[cfg(any(feature = "run", feature = "client"))]
    pub(crate) fn check(&self) -> Result<(), usize> {
        self.too_many.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_far_as_names_go() {
        let longest = "n".repeat(Name::EXCERPT);
        assert_eq!(Name::from(longest.as_str()).excerpt(), longest);
        let longer = longest.clone() + "nnn";
        assert_eq!(Name::from(longer.as_str()).excerpt(), longest + "…");
        assert_eq!(Name::from("a\nb").excerpt(), "a\\nb");
        assert_eq!(Name::from("a\u{2028}b").to_string(), "a\\xe2\\x80\\xa8b");
    }

    /// The check keeps the lengths of the first ones, the walk finds the others.
    #[test]
    fn each_message_ends_where_the_next_begins_however_many_there_are() {
        let names: Vec<_> = (0..10).map(|number| "m".repeat(100 * number)).collect();
        let args: Vec<_> = (0..10).map(|number| ("n", Value::Int64(number))).collect();
        let mut payload = Vec::new();
        let mut writer = NotifyWriter::new(&mut payload);
        for (count, name) in names.iter().enumerate() {
            writer.message(name, args.get(..count).unwrap());
        }
        let messages = Messages::parse(&payload).unwrap();
        assert_eq!(messages.len(), 10);
        for (count, (message, name)) in messages.iter().zip(&names).enumerate() {
            assert_eq!(message.name(), name.as_str());
            let sent: Vec<_> = message.args().iter().map(|arg| arg.value).collect();
            let expected: Vec<_> = args.iter().take(count).map(|(_, value)| *value).collect();
            assert_eq!(sent, expected);
            let mut copy = MessageBuf::default();
            copy.copy(&message);
            assert_eq!(copy.message().name(), message.name());
            assert!(copy.message().args().iter().eq(message.args()));
        }
    }
}
