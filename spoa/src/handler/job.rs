//! A message whose handler may have to wait, and the future that handles it.

use super::success_variable::set_success_variable;
use super::{ActionWriter, ConnectionInfo, Context, Failure, IncomingMessage, LeftOut};
use crate::spop::{FrameIds, MessageBuf};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

/// A message that outlives the read it came in, for a handler that may have to wait. The worker thread lends the
/// job while the handler is running.
#[doc(hidden)]
#[derive(Debug)]
pub struct Job {
    pub(crate) message: MessageBuf,
    /// The variable that tells HAProxy that the handler has succeeded; empty if HAProxy asks for none.
    pub(crate) success_variable: String,
    pub(crate) actions: Vec<u8>,
    /// How many bytes of actions HAProxy can take.
    pub(crate) room: usize,
    /// The actions that were left out, if any.
    pub(crate) left_out: Option<Box<LeftOut>>,
    /// The connection; `None` while the job is not lent.
    pub(crate) connection: Option<Arc<ConnectionInfo>>,
    pub(crate) ids: FrameIds,
    pub(crate) deadline: Option<Instant>,
}

/// The work of an async handler.
#[doc(hidden)]
pub type JobFuture = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// A finished job.
#[doc(hidden)]
#[derive(Debug)]
pub struct Finished {
    /// The job with its actions; `None` if the future that owned it was lost.
    pub(crate) job: Option<Box<Job>>,
    pub(crate) result: Result<(), Box<Failure>>,
}

impl Finished {
    pub(crate) fn failed(failure: impl Into<Box<Failure>>) -> Self {
        Finished {
            job: None,
            result: Err(failure.into()),
        }
    }
}

impl Job {
    /// Creates a job that is not lent, with room for `bytes` bytes of a message, and as many of actions.
    pub(crate) fn with_capacity(bytes: usize) -> Box<Self> {
        Box::new(Job {
            message: MessageBuf::with_capacity(bytes),
            success_variable: String::new(),
            actions: Vec::with_capacity(bytes),
            room: 0,
            left_out: None,
            connection: None,
            ids: FrameIds::ZERO,
            deadline: None,
        })
    }

    /// Returns the number of bytes that are allocated for the buffers.
    pub(crate) fn capacity(&self) -> usize {
        self.message.capacity() + self.actions.capacity()
    }

    /// Returns the message, and the writer of its actions.
    #[inline]
    pub fn parts(&mut self) -> (IncomingMessage<'_>, ActionWriter<'_>) {
        let connection = self.connection.as_deref();
        let incoming = IncomingMessage {
            message: self.message.message(),
            context: Context {
                connection: connection.expect("a job that is lent has a connection"),
                ids: self.ids,
                deadline: self.deadline,
            },
            success_variable: None,
        };
        let actions = ActionWriter::within(&mut self.actions, self.room);
        (incoming, actions)
    }

    /// Tells HAProxy that the handler has succeeded, after all that it set.
    #[cold]
    fn set_success_variable(&mut self) -> Result<(), Box<Failure>> {
        // No action may follow one that was left out.
        let room = match self.left_out {
            None => self.room,
            Some(_) => 0,
        };
        let mut actions = ActionWriter::within(&mut self.actions, room);
        let result = set_success_variable(&self.success_variable, &mut actions);
        let more = actions.left_out();
        match (&mut self.left_out, more) {
            (Some(left_out), Some(more)) => left_out.append(*more),
            (left_out @ None, more) => *left_out = more,
            (Some(_), None) => {}
        }
        result.map_err(Box::new)
    }

    /// Turns the job and the result of its handler into a [`Finished`].
    #[inline(always)]
    pub fn finish(
        mut self: Box<Self>,
        (result, left_out): (Result<(), impl Into<Box<Failure>>>, Option<Box<LeftOut>>),
    ) -> Finished {
        if left_out.is_some() {
            self.left_out = left_out;
        }
        let mut result = result.map_err(Into::into);
        if !self.success_variable.is_empty() && result.is_ok() {
            result = self.set_success_variable();
        }
        Finished {
            job: Some(self),
            result,
        }
    }
}
