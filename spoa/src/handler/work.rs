//! Work for the time after an answer, and the part of an agent that takes it.

use crate::spop::FrameIds;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// Work for the time after an answer.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The part of an agent that takes work from handlers.
pub(crate) trait TakesWork: fmt::Debug + Send + Sync {
    /// Takes work to be done when the ACK of this frame has left. The handler's deadline tells whether the ACK may
    /// have left already. Returns `false` if there is no room, and then drops the work.
    fn take(&self, ids: FrameIds, deadline: Option<Instant>, work: Work) -> bool;

    /// Returns whether work waits for its ACK.
    fn is_waiting(&self) -> bool;

    /// Starts the work of the frames whose ACKs have left: those that are not in flight.
    fn start_answered(&self, is_in_flight: &dyn Fn(FrameIds) -> bool);

    /// Starts all work, as the connection is over.
    fn close(&self);
}
