//! The payload of a NOTIFY (SPOE.txt 3.2.6): messages with named, typed arguments.
//!
//! A payload is checked as a whole before anything is read from it. Later reads cannot fail, and
//! they copy and allocate nothing.

use super::{Args, DecodeError, Message, Name, Value, reader::Reader, value::string, walk};
use std::iter::FusedIterator;

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
    /// The index of the next message.
    index: usize,
    /// The lengths of the first messages, in bytes.
    lengths: [u32; KNOWN],
}

/// The number of messages whose lengths are kept from the check of a payload: few payloads have more.
const KNOWN: usize = 4;

impl<'a> Messages<'a> {
    /// Checks a NOTIFY's payload from end to end.
    ///
    /// # Errors
    /// A [`DecodeError`] if it is not a list of messages. One cause is a message of more than 255
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
    /// Returns a writer that appends to `out`.
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

    /// Returns the number of arguments as an error if a message has more than its count can hold.
    #[cfg(any(feature = "run", feature = "client"))]
    pub(crate) fn check(&self) -> Result<(), usize> {
        self.too_many.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::MessageBuf;

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
