//! A message before its handler takes it.

use super::Context;
use crate::spop::Message;

/// A message before its handler takes it, with its connection and its deadline.
#[derive(Clone, Copy, Debug)]
pub struct IncomingMessage<'a> {
    pub(crate) message: Message<'a>,
    pub(crate) context: Context<'a>,
    /// The variable that tells HAProxy that the handler has succeeded, if HAProxy asks for one.
    pub(crate) success_variable: Option<&'a str>,
}

impl<'a> IncomingMessage<'a> {
    /// Returns the message.
    #[inline]
    #[must_use]
    pub fn message(&self) -> Message<'a> {
        self.message
    }

    /// Returns the connection and the frame that the message came with.
    #[inline]
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }
}
