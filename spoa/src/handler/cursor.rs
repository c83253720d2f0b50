//! The arguments of a message on their way to the parameters of a handler.
//!
//! It finds them; what becomes of them is the parameters' business.

use super::IncomingMessage;
use crate::spop::{Args, DataType, Value};

/// The arguments of one message, asked for one by one.
///
/// HAProxy sends them as spoe.conf has them, which is mostly the order of the parameters: then each
/// costs one comparison. Whatever is asked for out of order is searched for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ArgCursor<'a> {
    /// Those that have not been passed.
    next: Args<'a>,
}

impl<'a> ArgCursor<'a> {
    /// Points at the first argument of a message.
    #[inline(always)]
    #[must_use]
    pub fn of(incoming: &IncomingMessage<'a>) -> Self {
        ArgCursor {
            next: incoming.message.args(),
        }
    }

    /// The first of that name, if it is the next and likely of that type.
    // Each that was passed was asked for by another name: so the next is the first of its own.
    #[inline(always)]
    pub(crate) fn likely(&mut self, name: &str, likely: DataType) -> Option<Value<'a>> {
        self.next.next_likely(name.as_bytes(), likely)
    }

    /// The first of that name, and the arguments that are left.
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
