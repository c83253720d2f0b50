//! One connection: its stream, its conversation, and the loop that drives the two.
//!
//! Only [`Transport`] and the loop depend on the type of the stream.

mod conversation;
mod graceful_close;
mod lifetime;
mod timers;
mod transport;

use self::conversation::{Conversation, Step};
use self::timers::Timer;
use self::transport::Transport;
use crate::agent::Shared;
use crate::agent::dispatch::wakeups::Wakeups;
use crate::agent::report::connections::{self as log, End};
use crate::agent::worker::state::WorkerState;
use crate::handler::Peer;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// One connection of an agent; a future by [`Connection::poll`].
struct Connection<S> {
    transport: Transport<S>,
    conversation: Conversation,
    registered: Option<Waker>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(io: S, peer: Peer, shared: Arc<Shared>, wakeups: Arc<Wakeups>) -> Self {
        Connection {
            transport: Transport::new(io),
            conversation: Conversation::new(peer, shared, wakeups),
            registered: None,
        }
    }

    /// Does what can be done now; ready when the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let registered = self.registered.as_ref();
        if !registered.is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.registered = Some(cx.waker().clone());
            self.conversation.register(cx.waker());
        }
        let mut worker = WorkerState::take();
        // Handlers are running, and their answers would wait.
        let may_yield = self.conversation.in_flight() == 0;
        if may_yield {
            worker.batching.yield_if_useful();
        }
        self.conversation.begin(&mut worker);
        let mut polled = self.step(cx, &mut worker);
        if polled.is_pending() && !self.conversation.count_kept(self.transport.kept()) {
            polled = self.refuse_to_keep(cx, &mut worker);
            self.conversation.count_kept(self.transport.kept());
        }
        if may_yield {
            worker.batching.count(worker.polled.notifies);
        }
        if self.conversation.has_after_work() && !self.transport.has_unwritten() {
            self.conversation.start_after_work();
        }
        self.conversation.end(&mut worker);
        worker.activity.end_poll();
        worker.give_back();
        polled
    }

    fn step(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> Poll<End> {
        loop {
            // Bytes that were left unwritten go first, and nothing is read until it is gone: a peer that
            // does not read its answers cannot make them pile up.
            if let Poll::Ready(flushed) = self.flush(cx) {
                if let Err(error) = flushed {
                    return Poll::Ready(self.conversation.failed(error));
                }
                if self.conversation.is_closing() {
                    return Poll::Ready(End::Closed);
                }
                let step = self.work(cx, worker);
                if let Err(error) = self.write(cx, worker) {
                    return Poll::Ready(self.conversation.failed(error));
                }
                match step {
                    Step::More if worker.budget.is_left() => continue,
                    Step::More => cx.waker().wake_by_ref(),
                    Step::Ended(end) if !self.transport.has_unwritten() => return Poll::Ready(end),
                    Step::Ended(_) => {
                        self.conversation.close();
                        continue;
                    }
                    Step::Wait => {}
                }
            }
            if let Some(end) = ready!(self.check_time(cx, worker)) {
                return Poll::Ready(end);
            }
        }
    }

    /// Writes what earlier polls left.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let unwritten = self.transport.unwritten();
        let flushed = self.transport.poll_flush(cx);
        if flushed.is_ready() || self.transport.unwritten() < unwritten {
            self.conversation.timers.stop(Timer::Write);
        }
        flushed
    }

    /// Writes the output.
    #[inline]
    fn write(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> io::Result<()> {
        worker.polled.sent += worker.output.len() as u64;
        self.transport.write(cx, &mut worker.output)
    }

    /// Answers what can be answered: handlers that are done, frames that waited, one read.
    fn work(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> Step {
        if let Some(step) = self.conversation.resume(worker) {
            return step;
        }
        loop {
            if !worker.budget.is_left() {
                return Step::More;
            }
            return match self.read(cx, worker) {
                // The AGENT-DISCONNECT is to leave in one write with the last answers.
                Poll::Ready(Ok(1..)) if self.conversation.defers_writing(worker) => continue,
                Poll::Ready(Ok(0)) => Step::Ended(self.conversation.closed_by_peer()),
                Poll::Ready(Ok(_)) => Step::More,
                Poll::Ready(Err(error)) => Step::Ended(self.conversation.failed(error)),
                Poll::Pending => self.conversation.all_read(worker),
            };
        }
    }

    /// Reads once and answers what came.
    fn read(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> Poll<io::Result<usize>> {
        worker.budget.reads = worker.budget.reads.saturating_sub(1);
        let room = self.conversation.room(worker);
        let read = self.transport.read(cx, room);
        if let Poll::Ready(Ok(count @ 1..)) = read {
            self.conversation.received(count, worker);
        }
        read
    }

    /// Does what is due: the connection is over, or there may be more to do at once.
    fn check_time(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> Poll<Option<End>> {
        let unwritten = self.transport.has_unwritten();
        let (timer, now) = ready!(self.conversation.poll_expired(cx, unwritten));
        let end = self.conversation.expire(timer, now, unwritten, worker);
        let written = self.write(cx, worker);
        let failed = |error| self.conversation.failed(error);
        Poll::Ready(end.or_else(|| written.err().map(failed)))
    }

    /// Ends a connection that would have to keep more than there is room for.
    #[cold]
    fn refuse_to_keep(&mut self, cx: &mut Context<'_>, worker: &mut WorkerState) -> Poll<End> {
        let unwritten = self.transport.unwritten() > 0;
        if unwritten || !self.conversation.refuse_to_keep(worker) {
            return Poll::Ready(self.conversation.full());
        }
        if let Err(error) = self.write(cx, worker) {
            return Poll::Ready(self.conversation.failed(error));
        }
        self.step(cx, worker)
    }
}

/// Serves one connection to its end. It must be called within a runtime.
pub(crate) fn drive<S>(
    stream: S,
    peer: Peer,
    shared: Arc<Shared>,
    wakeups: Arc<Wakeups>,
) -> impl Future<Output = ()> + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut served = converse(stream, peer, shared, wakeups);
    poll_fn(move |cx| Pin::new(&mut served).poll(cx).map(drop))
}

/// Serves one connection to its end, and returns its stream, for the caller to close.
///
/// An `async fn` would keep its arguments beside the connection they went into, for as long as that
/// lives.
pub(crate) fn converse<S>(
    stream: S,
    peer: Peer,
    shared: Arc<Shared>,
    wakeups: Arc<Wakeups>,
) -> impl Future<Output = S> + Unpin + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Some(Connection::new(stream, peer, shared.clone(), wakeups));
    poll_fn(move |cx| {
        if let Some(open) = &mut connection {
            match catch_unwind(AssertUnwindSafe(|| open.poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(end)) => {
                    let open = &open.conversation;
                    open.count_end(&end);
                    log::ended(&shared.line_limits, &end, open.in_flight(), open.info());
                }
                Err(panic) => log::panicked(panic, open.conversation.info()),
            }
        }
        let over = connection.take().map(|over| over.transport.into_io());
        over.map_or(Poll::Pending, Poll::Ready)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    fn size<F>(_: fn(TcpStream, Peer, Arc<Shared>, Arc<Wakeups>) -> F) -> usize {
        size_of::<F>()
    }

    /// With what tokio adds, about 100 bytes, a task takes a multiple of 128.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_connection_is_small() {
        let size = size(drive::<TcpStream>);
        assert!(size <= 400, "{size} bytes");
        assert!(size >= size_of::<Connection<TcpStream>>(), "{size} bytes");
    }
}
