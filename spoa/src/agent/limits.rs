//! The limits of an agent: everything a peer or a handler could let grow.

use std::time::Duration;

/// The limits of an agent, with their defaults.
///
/// ```
/// use spoa::agent::Limits;
/// use std::time::Duration;
///
/// let mut limits = Limits::default();
/// limits.handler_timeout = Some(Duration::from_millis(50));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest frame size to agree to, in bytes. HAProxy's own (`tune.bufsize` less 4, 16380 by
    /// default) is taken if it is smaller. Default 1 MiB; at least 256.
    pub max_frame_size: u32,
    /// The most bytes held for fragmented NOTIFYs of one connection (HAProxy ≤ 3.0). Default
    /// 256 KiB; with 0, the agent does not offer fragmentation. It answers a larger NOTIFY without actions.
    pub max_reassembled: usize,
    /// The most bytes held for fragmented NOTIFYs of all connections. Default 16 MiB.
    pub max_reassembled_total: usize,
    /// The most bytes kept for all connections: messages of running async and blocking handlers, and
    /// the incomplete frames and unread answers of each connection beyond its first 32 KiB. A
    /// connection that would exceed the limit is closed with status 13, and async and
    /// blocking handlers are not started and fail as overloaded. Default 256 MiB.
    pub max_buffered_total: usize,
    /// The most NOTIFYs of one connection that wait for async or blocking handlers; handlers of further
    /// NOTIFYs are not started and fail as overloaded. HAProxy sends 20 at most and then waits for
    /// answers, but gives up at its `timeout processing` and sends more. Default 256. Of one NOTIFY's
    /// messages, about 256 may wait.
    pub max_in_flight: usize,
    /// The most running async and blocking handlers of all connections; more are not started and fail
    /// as overloaded. Default 10,000.
    pub max_in_flight_total: usize,
    /// The most open connections; new ones beyond that are closed at once. Default 10,000.
    pub max_connections: usize,
    /// The most blocking handlers that run at once; more wait for their turn, within their deadline.
    /// Default 64. With 0, none runs: their messages fail as overloaded.
    pub max_blocking: usize,
    /// The most blocking handlers that wait for their turn; more fail as overloaded. Default 1024.
    pub max_blocking_queue: usize,
    /// The most futures that [`After`](crate::After) keeps: those that wait for their ACK, and those that are running.
    /// More are dropped. Default 1000.
    pub max_after_work: usize,
    /// The most values that [`Transaction`](crate::Transaction) keeps; the oldest make room for new ones. Default
    /// 100,000.
    pub max_transactions: usize,
    /// The most bytes of these values; the oldest make room for new ones. Default 64 MiB.
    pub max_transaction_bytes: usize,
    /// How long [`Transaction`](crate::Transaction) keeps a value. Set it longer than HAProxy waits for a response
    /// (`timeout server`). Default 60 s.
    pub transaction_timeout: Duration,
    /// How long an async or blocking handler may take, from the read that brought its NOTIFY, if it has
    /// no `timeout` of its own; `None` is for ever. Keep it below `timeout processing` in spoe.conf.
    /// Default 1 s.
    pub handler_timeout: Option<Duration>,
    /// Whether to refuse messages that an async or blocking handler would probably answer too late. While more
    /// than one in eight of a handler's messages miss their deadline, at most as many run at once as it finished
    /// in time within one timeout, but at least 32. The others fail at once as overloaded, so that HAProxy does
    /// not wait for them. Default `true`; with `false`, the counts above are the only limits.
    pub adaptive_admission: bool,
    /// How long a new connection may take to say HELLO, and with TLS, to finish the handshake before that.
    /// Default 5 s.
    pub hello_timeout: Duration,
    /// How long a frame may take from its first byte to its last. Default 10 s.
    pub frame_timeout: Duration,
    /// How long a peer may leave answers unread. Default 10 s.
    pub write_timeout: Duration,
    /// How long a connection may be idle, with nothing in flight, before the agent closes it gracefully;
    /// `None` is for ever. HAProxy closes idle connections itself: at `timeout idle` up to
    /// 3.0, and from 3.1 on at `pool-purge-delay` of the `server` line. Default `None`.
    pub idle_timeout: Option<Duration>,
    /// How long a connection may live, give or take a tenth, chosen at random for each. Then the agent
    /// closes it gracefully, as it does when it stops, so that HAProxy connects again, also to agents
    /// that were started in the meantime. `None` is for ever. Default `None`.
    pub connection_lifetime: Option<Duration>,
    /// How long to wait, after the AGENT-DISCONNECT, for the peer to close: if the agent closed first,
    /// HAProxy from 3.1 on would lose that frame. Default 1 s.
    pub linger_timeout: Duration,
    /// How long to go on serving after the stop signal, with health checks (`option spop-check`)
    /// refused, so that HAProxy sends to its other servers before the agent stops. Set it longer than
    /// `inter` times `fall` of the check. Default 0.
    pub lame_duck: Duration,
    /// How long to wait after that for the NOTIFYs in flight. If handlers of a NOTIFY are still running then, it is
    /// answered without their actions. Default 10 s.
    pub drain_timeout: Duration,
}

/// The longest that anything is waited for: no clock overflows by adding it.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Shortens a time to one that can be waited for.
pub(crate) fn usable(time: Duration) -> Duration {
    time.min(LONGEST)
}

impl Limits {
    /// Clamps the limits to values that an agent can work with: `Duration::MAX` is as long as possible, and
    /// at least one NOTIFY of one connection is answered.
    pub(crate) fn usable(mut self) -> Self {
        for count in [
            &mut self.max_in_flight,
            &mut self.max_in_flight_total,
            &mut self.max_connections,
        ] {
            *count = (*count).max(1);
        }
        for time in [
            &mut self.hello_timeout,
            &mut self.frame_timeout,
            &mut self.write_timeout,
            &mut self.linger_timeout,
            &mut self.lame_duck,
            &mut self.drain_timeout,
            &mut self.transaction_timeout,
        ] {
            *time = usable(*time);
        }
        for time in [
            &mut self.handler_timeout,
            &mut self.idle_timeout,
            &mut self.connection_lifetime,
        ] {
            *time = time.map(usable);
        }
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_frame_size: 1 << 20,
            max_reassembled: 256 << 10,
            max_reassembled_total: 16 << 20,
            max_buffered_total: 256 << 20,
            max_in_flight: 256,
            max_in_flight_total: 10_000,
            max_connections: 10_000,
            max_blocking: 64,
            max_blocking_queue: 1024,
            max_after_work: 1000,
            max_transactions: 100_000,
            max_transaction_bytes: 64 << 20,
            transaction_timeout: Duration::from_secs(60),
            handler_timeout: Some(Duration::from_secs(1)),
            adaptive_admission: true,
            hello_timeout: Duration::from_secs(5),
            frame_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            idle_timeout: None,
            connection_lifetime: None,
            linger_timeout: Duration::from_secs(1),
            lame_duck: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
