//! Work for the time after an answer, and the queue of an agent that keeps it.

use crate::spop::FrameIds;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

/// Work for the time after an answer.
pub(crate) type WorkFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes the queues of an agent.
pub(crate) trait AfterWorkQueues: fmt::Debug + Send + Sync {
    /// Makes the queue of a connection.
    fn queue(self: Arc<Self>) -> Arc<dyn AfterWorkQueue>;
}

/// The queue of a connection for the work of its handlers.
pub(crate) trait AfterWorkQueue: fmt::Debug + Send + Sync {
    /// Keeps work until the ACK of this frame has been sent. The handler's deadline tells whether that may have
    /// happened already. Returns `false` if there is no room, and then drops the work.
    fn push(&self, ids: FrameIds, deadline: Option<Instant>, work: WorkFuture) -> bool;

    /// Returns whether any work waits for its ACK.
    fn is_waiting(&self) -> bool;

    /// Starts the work of the frames whose ACKs have been sent: the frames that are not in flight.
    fn start_answered(&self, is_in_flight: &dyn Fn(FrameIds) -> bool);

    /// Starts all work, since the connection has ended.
    fn close(&self);
}
