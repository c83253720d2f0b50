//! One connection: reads what has come, has it answered, writes the answers in one go.
//!
//! It knows sockets and time; the protocol is [`AgentSession`]'s, the handlers are the dispatcher's.

mod graceful_close;
mod lifetime;
mod timer;
mod timers;
mod transport;

use self::graceful_close::GracefulClose;
use self::timers::{Deadlines, Due, Others};
use self::transport::{poll_flush, poll_read, poll_write};
use crate::agent::Shared;
use crate::agent::dispatch::Dispatcher;
use crate::agent::dispatch::in_flight::InFlight;
use crate::agent::dispatch::wakeups::Wakeups;
use crate::agent::report::connections::{self as log, End, Late};
use crate::agent::shared::budget::BudgetShare;
use crate::agent::worker::scratch::{MAX_MESSAGES, Scratch};
use crate::handler::{ConnectionInfo, Peer};
use crate::spop::session::{AgentEvent, AgentSession, AgentSettings, Refusal};
use crate::spop::{Disconnect, FrameIds, Messages, Status};
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Answers leave when this many bytes have gathered, even if there is more to answer.
const FLUSH_AT: usize = 64 << 10;

/// An unfinished frame up to this size is copied in front of the next read; to a longer one, what is
/// read is added. HAProxy's frames are of half this size.
const COPY_UP_TO: usize = 32 << 10;

/// A kept buffer up to this size is not worth a smaller one.
const SMALL: usize = 4 << 10;

/// What a health check is told once the agent is to stop.
const LEAVING: Disconnect<'static> = Disconnect {
    status: Status::NORMAL,
    message: "the agent is going away",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Frames are read and answered.
    Open,
    /// The goodbye is on its way; the peer closes, or the time is up.
    Lingering,
    /// What is left is written, then the connection is closed.
    Closing,
}

/// One connection of an agent; a future by [`Connection::poll`].
pub(crate) struct Connection<S> {
    io: S,
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    session: AgentSession,
    inflight: InFlight,
    wakeups: Arc<Wakeups>,
    registered: Option<Waker>,
    phase: Phase,
    closing: GracefulClose,
    /// Whether anything has come since the HELLOs.
    asked: bool,
    /// Whether it has lived for long enough.
    old: bool,
    /// Read and not used yet: the beginning of a frame, or frames that wait for room.
    input: Vec<u8>,
    /// Whether `input` may hold a whole frame.
    backlog: bool,
    /// To be written, from `written` on.
    output: Vec<u8>,
    written: usize,
    /// Whether the stream itself holds what was written: one that encrypts may.
    unflushed: bool,
    deadlines: Deadlines,
    share: BudgetShare,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(io: S, peer: Peer, shared: Arc<Shared>, wakeups: Arc<Wakeups>) -> Self {
        let settings = AgentSettings {
            max_frame_size: shared.limits.max_frame_size,
            max_reassembled: shared.limits.max_reassembled,
        };
        let now = Instant::now();
        let mut deadlines = Deadlines::new(now + shared.limits.hello_timeout);
        let lifetime = shared.limits.connection_lifetime.map(lifetime::draw);
        deadlines.lifetime = lifetime.map(|lifetime| now + lifetime);
        Connection {
            io,
            info: Arc::new(ConnectionInfo {
                agent: shared.name.clone(),
                peer,
                engine_id: None,
                states: shared.current.states(),
            }),
            session: AgentSession::new(settings),
            inflight: InFlight::new(wakeups.clone()),
            wakeups,
            registered: None,
            phase: Phase::Open,
            closing: GracefulClose::new(),
            asked: false,
            old: false,
            input: Vec::new(),
            backlog: false,
            output: Vec::new(),
            written: 0,
            unflushed: false,
            deadlines,
            share: BudgetShare::new(shared.budgets.clone()),
            shared,
        }
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Returns how many NOTIFYs are not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.inflight.len()
    }

    pub(crate) fn into_io(self) -> S {
        self.io
    }

    /// Does what can be done now; ready when the connection is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if !self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            self.registered = Some(cx.waker().clone());
            self.wakeups.register(cx.waker());
        }
        if self.shared.current.is_newer_than(&self.info.states) {
            self.renew();
        }
        let mut scratch = Scratch::take();
        scratch.activity.begin(self.shared.id());
        let mut polled = self.step(cx, &mut scratch);
        if polled.is_pending() && !self.share.buffer(self.kept()) {
            polled = self.refuse_to_keep(cx, &mut scratch);
            self.share.buffer(self.kept());
        }
        scratch.activity.end();
        scratch.give();
        polled
    }

    /// Takes the states that were reloaded; handlers at work keep theirs.
    #[cold]
    fn renew(&mut self) {
        self.info = Arc::new(ConnectionInfo {
            states: self.shared.current.states(),
            ..ConnectionInfo::clone(&self.info)
        });
    }

    /// How many bytes the connection keeps until it is polled again.
    fn kept(&self) -> usize {
        self.input.capacity() + self.output.capacity() + self.closing.kept()
    }

    /// Ends a connection that would have to keep more than there is room for.
    #[cold]
    fn refuse_to_keep(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<End> {
        if self.phase != Phase::Open || !self.output.is_empty() {
            return Poll::Ready(End::Full);
        }
        log::full(&self.info, &self.shared);
        self.input = Vec::new();
        self.deadlines.frame = None;
        self.closing.give(&mut scratch.output);
        self.session
            .disconnect(Status::RESOURCE.into(), &mut scratch.output);
        self.linger();
        if let Err(error) = self.flush(cx, &mut scratch.output) {
            return Poll::Ready(self.failed(error));
        }
        self.step(cx, scratch)
    }

    fn step(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<End> {
        loop {
            // What was left unwritten goes first, and nothing is read until it is gone: a peer that
            // does not read its answers cannot make them pile up.
            if let Poll::Ready(result) = self.flush_rest(cx) {
                if let Err(error) = result {
                    return Poll::Ready(self.failed(error));
                }
                if self.phase == Phase::Closing {
                    return Poll::Ready(End::Closed);
                }
                let progress = self.work(cx, scratch);
                if let Err(error) = self.flush(cx, &mut scratch.output) {
                    return Poll::Ready(self.failed(error));
                }
                match progress {
                    Step::More if scratch.budget.is_left() => continue,
                    Step::More => cx.waker().wake_by_ref(),
                    Step::Ended(end) if !self.has_unwritten() => return Poll::Ready(end),
                    Step::Ended(_) => {
                        self.phase = Phase::Closing;
                        continue;
                    }
                    Step::Wait => {}
                }
            }
            if let Some(end) = ready!(self.check_time(cx, scratch)) {
                return Poll::Ready(end);
            }
        }
    }

    /// Answers what can be answered: handlers that are done, frames that waited, one read.
    fn work(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Step {
        self.resume(scratch);
        if self.is_draining() && self.wakeups.out_of_time() {
            return self.cut_short(scratch);
        }
        // A poll comes back here after its share when a timer has gone off.
        if self.backlog && scratch.budget.is_left() {
            let input = std::mem::take(&mut self.input);
            let used = self.answer(&input, scratch);
            self.keep(input, used, scratch);
            if self.backlog || scratch.output.len() >= FLUSH_AT {
                return Step::More;
            }
        }
        loop {
            if !scratch.budget.is_left() {
                return Step::More;
            }
            return match self.read(cx, scratch) {
                // The goodbye is to leave in one write with the last answers.
                Poll::Ready(Ok(1..))
                    if self.is_draining() && !self.backlog && scratch.output.len() < FLUSH_AT =>
                {
                    continue;
                }
                Poll::Pending if self.is_draining() => self.drain(scratch),
                Poll::Pending => Step::Wait,
                // A peer that has said its last word is taken to be gone, and handlers at work end with
                // it: HAProxy closes both ways at once, and who died sends the same.
                Poll::Ready(Ok(0)) if self.input.is_empty() => Step::Ended(End::Closed),
                Poll::Ready(Ok(0)) => Step::Ended(End::Truncated),
                Poll::Ready(Ok(_)) => Step::More,
                Poll::Ready(Err(error)) => Step::Ended(self.failed(error)),
            };
        }
    }

    fn is_draining(&self) -> bool {
        self.phase == Phase::Open && (self.old || self.wakeups.draining())
    }

    /// Says goodbye once all that came is answered, and nothing more seems to be on its way.
    fn drain(&mut self, scratch: &mut Scratch) -> Step {
        let running = self.session.is_running();
        let in_flight = self.inflight.len() > 0;
        if self.wakeups.draining() {
            self.closing.hurry();
        }
        // The HELLO is what HAProxy waits for.
        if self.asked {
            self.closing.hold(&mut scratch.output);
            self.closing.release(&mut scratch.output);
        }
        let unfinished = running && !self.input.is_empty();
        if !self.closing.is_quiet(in_flight) || in_flight || unfinished {
            return Step::Wait;
        }
        self.say_goodbye(scratch)
    }

    /// Answers what is in flight as it is, and says goodbye.
    #[cold]
    fn cut_short(&mut self, scratch: &mut Scratch) -> Step {
        scratch.activity.handlers_follow();
        let waiting: Vec<_> = self.inflight.waiting().collect();
        for slot in waiting {
            let drain = self.shared.limits.drain_timeout;
            self.dispatcher(scratch).give_up(slot, drain);
        }
        self.say_goodbye(scratch)
    }

    fn say_goodbye(&mut self, scratch: &mut Scratch) -> Step {
        self.closing.give(&mut scratch.output);
        if !self.session.is_running() {
            return Step::Ended(End::Closed);
        }
        self.session
            .disconnect(Status::NORMAL.into(), &mut scratch.output);
        self.linger();
        Step::More
    }

    fn began_idling(&mut self) {
        let length = self.shared.limits.idle_timeout;
        self.deadlines.idle = length.map(|length| Instant::now() + length);
    }

    /// Reads once and answers what came.
    fn read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<usize>> {
        scratch.budget.reads = scratch.budget.reads.saturating_sub(1);
        let kept = self.input.len();
        if kept > COPY_UP_TO {
            let read = poll_read(&mut self.io, cx, &mut scratch.input);
            if let Poll::Ready(Ok(count @ 1..)) = read {
                let mut input = std::mem::take(&mut self.input);
                input.extend_from_slice(scratch.input.get(..count).unwrap_or_default());
                let used = self.answer(&input, scratch);
                self.keep(input, used, scratch);
            }
            return read;
        }
        let mut input = std::mem::take(&mut scratch.input);
        if let Some(front) = input.get_mut(..kept) {
            front.copy_from_slice(&self.input);
        }
        let read = poll_read(&mut self.io, cx, input.get_mut(kept..).unwrap_or_default());
        if let Poll::Ready(Ok(count @ 1..)) = read {
            let came = input.get(..kept + count).unwrap_or_default();
            let used = self.answer(came, scratch);
            let rest = came.get(used..).unwrap_or_default();
            if rest.is_empty() {
                if self.input.capacity() > 0 {
                    scratch.recycle(std::mem::take(&mut self.input));
                }
                self.deadlines.frame = None;
            } else {
                if self.input.capacity() == 0 {
                    self.input = scratch.buffer();
                }
                self.input.clear();
                self.input.extend_from_slice(rest);
                self.began_frame(used > 0);
            }
        }
        scratch.input = input;
        read
    }

    /// Keeps what is left of a buffer that was ours.
    fn keep(&mut self, mut input: Vec<u8>, used: usize, scratch: &mut Scratch) {
        input.drain(..used);
        if input.is_empty() {
            scratch.recycle(input);
            self.deadlines.frame = None;
            return;
        }
        if input.capacity() > SMALL {
            input.shrink_to(2 * input.len());
        }
        self.input = input;
        self.began_frame(used > 0);
    }

    fn began_frame(&mut self, anew: bool) {
        if self.backlog {
            // The peer did its part: the frames wait for us.
            self.deadlines.frame = None;
        } else if anew || self.deadlines.frame.is_none() {
            self.deadlines.frame = Some(Instant::now() + self.shared.limits.frame_timeout);
        }
    }

    /// Answers the frames at the front of `input`; returns how many bytes they had.
    fn answer(&mut self, input: &[u8], scratch: &mut Scratch) -> usize {
        let mut used = 0;
        scratch.turn();
        self.backlog = false;
        if self.session.is_running() {
            self.asked = true;
            scratch.activity.handlers_follow();
        }
        self.closing.disturb();
        if self.shared.limits.idle_timeout.is_some() {
            self.began_idling();
        }
        loop {
            if scratch.output.len() >= FLUSH_AT {
                self.backlog = used < input.len();
                return used;
            }
            let limit = self.session.max_frame_size();
            let rest = input.get(used..).unwrap_or_default();
            if let Some((taken, ids, messages)) = self.session.receive_notify(rest) {
                used += taken;
                if scratch.charge(&messages) {
                    self.last(ids, messages, scratch);
                    self.backlog = used < input.len();
                    return used;
                }
                self.dispatcher(scratch).notify(ids, messages);
                continue;
            }
            self.session.limit_reassembled(self.share.reassembling());
            let answered = scratch.output.len();
            let received = self.session.receive(rest, &mut scratch.output);
            used += received.used;
            match received.event {
                None => {
                    self.share.reassemble(self.session.reassembling());
                    return used;
                }
                // One that came in fragments.
                Some(AgentEvent::Notify { ids, messages }) => {
                    scratch.charge(&messages);
                    let messages = answerable(messages, ids, &self.info, &self.shared);
                    let mut dispatcher = Dispatcher {
                        shared: &self.shared,
                        connection: &self.info,
                        inflight: &mut self.inflight,
                        scratch,
                        limit,
                    };
                    dispatcher.notify(ids, messages);
                }
                Some(AgentEvent::Hello(hello)) => {
                    log::hello(&hello, &self.info);
                    if hello.healthcheck && self.shared.leaving.load(Ordering::Acquire) {
                        // Instead of a HELLO: the check fails, and HAProxy sends to others.
                        scratch.output.truncate(answered);
                        self.session.disconnect(LEAVING, &mut scratch.output);
                        self.linger();
                        continue;
                    }
                    self.deadlines.hello = None;
                    let engine_id = hello.engine_id.map(Box::from);
                    self.info = Arc::new(ConnectionInfo {
                        engine_id,
                        ..ConnectionInfo::clone(&self.info)
                    });
                }
                Some(AgentEvent::Unreadable { ids, reason }) => {
                    log::unreadable(ids, reason, &self.info, &self.shared);
                }
                Some(AgentEvent::Disconnect(disconnect)) => {
                    log::disconnect(&disconnect, &self.info, &self.shared);
                    self.closing.give(&mut scratch.output);
                    self.phase = Phase::Closing;
                }
                Some(AgentEvent::Refused(refusal)) => {
                    log::refused(&refusal, &self.info, &self.shared);
                    self.closing.give(&mut scratch.output);
                    match refusal {
                        Refusal::Foreign(_) => self.phase = Phase::Closing,
                        _ => self.linger(),
                    }
                }
            }
            self.share.reassemble(self.session.reassembling());
            if !scratch.budget.is_left() {
                self.backlog = used < input.len();
                return used;
            }
        }
    }

    /// Answers the last NOTIFY of a poll.
    // The others are known to have few messages: more would have been the rest of what a poll may do.
    #[cold]
    fn last(&mut self, ids: FrameIds, messages: Messages<'_>, scratch: &mut Scratch) {
        let messages = answerable(messages, ids, &self.info, &self.shared);
        self.dispatcher(scratch).notify(ids, messages);
    }

    fn linger(&mut self) {
        // Nothing follows a goodbye: handlers still at work would answer in vain.
        self.inflight = InFlight::new(self.wakeups.clone());
        self.phase = Phase::Lingering;
        self.deadlines.idle = None;
        self.deadlines.lifetime = None;
        self.deadlines.linger = Some(Instant::now() + self.shared.limits.linger_timeout);
    }

    /// Polls the handlers that were woken.
    fn resume(&mut self, scratch: &mut Scratch) {
        let mut ready = std::mem::take(&mut scratch.ready);
        self.wakeups.take_ready(&mut ready);
        if !ready.is_empty() {
            scratch.activity.handlers_follow();
        }
        for slot in ready.drain(..) {
            self.dispatcher(scratch).resume(slot);
        }
        scratch.ready = ready;
    }

    fn dispatcher<'d>(&'d mut self, scratch: &'d mut Scratch) -> Dispatcher<'d> {
        Dispatcher {
            shared: &self.shared,
            connection: &self.info,
            inflight: &mut self.inflight,
            scratch,
            limit: self.session.max_frame_size(),
        }
    }

    /// Writes what an earlier poll left.
    fn flush_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.output.get(self.written..) {
            self.written += ready!(poll_write(&mut self.io, cx, rest))?;
            self.deadlines.write = None;
        }
        if self.written > 0 {
            self.output = Vec::new();
            self.written = 0;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(poll_flush(&mut self.io, cx))?;
            self.unflushed = false;
            self.deadlines.write = None;
        }
        Poll::Ready(Ok(()))
    }

    fn has_unwritten(&self) -> bool {
        self.unflushed || !self.output.is_empty()
    }

    /// Writes the answers of this poll; keeps what the socket does not take.
    fn flush(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest @ [_, ..]) = output.get(written..) {
            match poll_write(&mut self.io, cx, rest) {
                Poll::Ready(count) => written += count?,
                Poll::Pending => {
                    self.output.extend_from_slice(rest);
                    break;
                }
            }
        }
        if !output.is_empty() {
            self.unflushed = poll_flush(&mut self.io, cx)?.is_pending();
            output.clear();
        }
        Ok(())
    }

    fn failed(&self, error: io::Error) -> End {
        let busy = !self.input.is_empty() || self.inflight.len() > 0;
        End::Io(error, busy)
    }

    /// Does what is due: the connection is over, or there may be more to do at once.
    fn check_time(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Option<End>> {
        if self.deadlines.write.is_none() && self.has_unwritten() {
            self.deadlines.write = Some(Instant::now() + self.shared.limits.write_timeout);
        }
        let others = Others {
            closing: self.closing.due(),
            handlers: self.inflight.earliest(),
        };
        let (due, now) = ready!(self.deadlines.poll(cx, others));
        let end = match due {
            Due::Linger => End::Closed,
            Due::Hello => End::Late(Late::Hello),
            Due::Write => End::Late(Late::Read),
            Due::Frame => End::Late(Late::Frame),
            Due::Idle => {
                let busy = self.inflight.len() > 0 || !self.input.is_empty();
                if self.phase != Phase::Open || busy || !self.output.is_empty() {
                    self.began_idling();
                } else if let Step::Ended(end) = self.say_goodbye(scratch) {
                    return Poll::Ready(Some(end));
                } else if let Err(error) = self.flush(cx, &mut scratch.output) {
                    return Poll::Ready(Some(self.failed(error)));
                }
                return Poll::Ready(None);
            }
            Due::Lifetime => {
                self.deadlines.lifetime = None;
                self.old = true;
                self.closing.wait_until(now + lifetime::GRACE);
                return Poll::Ready(None);
            }
            Due::GracefulClose => {
                self.closing.expire(now);
                return Poll::Ready(None);
            }
            Due::Handlers => {
                scratch.activity.handlers_follow();
                let waiting: Vec<_> = self.inflight.waiting().collect();
                for slot in waiting {
                    self.dispatcher(scratch).expire(slot, now);
                }
                self.inflight.update_earliest();
                match self.flush_behind(cx, scratch) {
                    Ok(()) => return Poll::Ready(None),
                    Err(error) => self.failed(error),
                }
            }
        };
        Poll::Ready(Some(end))
    }

    /// Writes new answers behind the unwritten ones, if there are any.
    fn flush_behind(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> io::Result<()> {
        if self.output.is_empty() {
            return self.flush(cx, &mut scratch.output);
        }
        self.output.append(&mut scratch.output);
        Ok(())
    }
}

/// Returns the messages of a NOTIFY. One that has too many is answered as if it had none.
#[cold]
fn answerable<'a>(
    messages: Messages<'a>,
    ids: FrameIds,
    connection: &ConnectionInfo,
    shared: &Shared,
) -> Messages<'a> {
    if messages.len() > MAX_MESSAGES {
        log::too_many(messages.len(), ids, connection, shared);
        return Messages::default();
    }
    messages
}

/// What came of one round of work.
enum Step {
    /// There may be more to do at once.
    More,
    /// Nothing more until something wakes the connection.
    Wait,
    /// The connection is over.
    Ended(End),
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
    let mut conversation = converse(stream, peer, shared, wakeups);
    poll_fn(move |cx| Pin::new(&mut conversation).poll(cx).map(drop))
}

/// The same, and returns what is left to be closed.
///
/// It is no `async fn`: that would keep its arguments beside the connection they went into, for as long
/// as that lives.
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
                    log::ended(&end, open.in_flight(), open.info(), &shared);
                }
                Err(panic) => log::panicked(panic, open.info()),
            }
        }
        let over = connection.take().map(Connection::into_io);
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
