//! Work that a handler leaves for the time after its answer.

use super::{Context, Failure, FromMessage, IncomingMessage};
use std::future::Future;

/// Takes work that the agent does after it has sent the answer: an entry in an audit log, a lookup for the next
/// request, a request to another service.
///
/// HAProxy never waits for this work. The work begins when the ACK of the NOTIFY has been written to the
/// connection, whether the handler succeeds or fails, and has no deadline. Sync, async and blocking handlers can
/// take `After`.
///
/// ```
/// use spoa::After;
/// use spoa::prelude::*;
///
/// async fn write_to_audit_log(line: String) {
///     // …
/// }
///
/// #[spoe_message("check", set = "txn.allowed")]
/// fn check(path: Text<'_>, after: After<'_>) -> bool {
///     let allowed = !path.starts_with("/admin");
///     after.run(write_to_audit_log(format!("{path} {allowed}")));
///     allowed
/// }
/// ```
///
/// The work is a separate future, so it must own what it needs, such as a clone of an `Arc` in a
/// [`State`](super::State). Put work that blocks its thread into `tokio::task::spawn_blocking`.
///
/// An agent keeps at most [`Limits::max_after_work`](crate::agent::Limits::max_after_work) futures, running ones
/// included. More are dropped, logged and counted: see [`run`](After::run). When the agent stops, it waits for the
/// work until [`Limits::drain_timeout`](crate::agent::Limits::drain_timeout), then cancels and counts the rest.
/// A panic of the work is logged and counted.
///
/// In a test, [`Monitor::after_work_done`](crate::agent::Monitor::after_work_done) waits for the work, and
/// `TestAgent::call_blocking` does so itself.
#[derive(Clone, Copy, Debug)]
pub struct After<'a>(Context<'a>);

impl After<'_> {
    /// Gives the agent work for the time after the answer. Returns `false` if the agent already keeps as much work as
    /// its limit allows. The agent then drops the future without polling it, and counts it.
    ///
    /// ```
    /// use spoa::After;
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("log")]
    /// async fn log(status: u16, after: After<'_>) {
    ///     after.run(async move {
    ///         println!("answered, and the status was {status}");
    ///     });
    /// }
    /// ```
    pub fn run(self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Context {
            connection,
            ids,
            deadline,
        } = self.0;
        let queue = connection.after_work();
        queue.push(ids, deadline, Box::pin(work))
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromMessage<'a> for After<'a> {
    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        Ok(After(incoming.context))
    }
}
