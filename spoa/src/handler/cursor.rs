//! A cursor that gives the arguments of a message to the parameters of its handler.

use super::IncomingMessage;
use crate::spop::{Args, DataType, Value};

/// A cursor over the arguments of one message.
///
/// HAProxy sends arguments in the order of spoe.conf, which usually is the order of the parameters. Then each
/// argument costs one comparison. The cursor searches the message for an argument that is out of order.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ArgCursor<'a> {
    /// The arguments that have not been passed.
    next: Args<'a>,
}

impl<'a> ArgCursor<'a> {
    /// Creates a cursor at the first argument of a message.
    #[inline(always)]
    #[must_use]
    pub fn of(incoming: &IncomingMessage<'a>) -> Self {
        ArgCursor {
            next: incoming.message.args(),
        }
    }

    /// Returns the first argument of that name, if it is the next one and has the likely type.
    // The arguments before it had other names, so the next one is the first of its name.
    #[inline(always)]
    pub(crate) fn likely(&mut self, name: &str, likely: DataType) -> Option<Value<'a>> {
        self.next.next_likely(name.as_bytes(), likely)
    }

    /// Returns the first argument of that name, and the cursor for the next parameter.
    pub(crate) fn named(
        self,
        incoming: &IncomingMessage<'a>,
        name: &str,
    ) -> (Option<Value<'a>>, Self) {
        let mut rest = self.next.iter();
        match rest.next() {
            Some(arg) if arg.name == name => (Some(arg.value), ArgCursor { next: rest.rest() }),
            _ => (incoming.message.get(name), self),
        }
    }
}
