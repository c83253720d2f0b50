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
    /// 256 KiB; 0 does not offer fragmentation. A NOTIFY that passes it is answered without actions.
    pub max_reassembled: usize,
    /// The most bytes held for fragmented NOTIFYs of all connections. Default 16 MiB.
    pub max_reassembled_total: usize,
    /// The most bytes kept in all connections: messages of running async and blocking handlers, and
    /// what each connection keeps beyond 32 KiB of frames that have not come whole and of answers
    /// that are not read. A connection that would pass it is closed with status 13, and async and
    /// blocking handlers are not begun and fail as overloaded. Default 256 MiB.
    pub max_buffered_total: usize,
    /// The most NOTIFYs of one connection that wait for async or blocking handlers; handlers of more
    /// are not begun and fail as overloaded. HAProxy sends no more than 20 and then waits for
    /// answers, but gives up at its `timeout processing` and sends more. Default 256. Of one NOTIFY's
    /// messages, about 256 may wait.
    pub max_in_flight: usize,
    /// The most running async and blocking handlers of all connections; more are not begun and fail
    /// as overloaded. Default 10,000.
    pub max_in_flight_total: usize,
    /// The most connections at once; more are closed as they come. Default 10,000.
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
    /// How long [`Transaction`](crate::Transaction) keeps a value. Longer than HAProxy waits for a response
    /// (`timeout server`). Default 60 s.
    pub transaction_timeout: Duration,
    /// How long an async or blocking handler may take, from the read that brought its NOTIFY, if it has
    /// no `timeout` of its own; `None` is for ever. Keep it below `timeout processing` in spoe.conf.
    /// Default 1 s.
    pub handler_timeout: Option<Duration>,
    /// Whether to refuse an async or blocking handler that is expected to miss its deadline: while one in
    /// eight of its messages is late, no more run at once than it finished within its last timeout, but at
    /// least 32. Those beyond fail at once as overloaded, so that HAProxy does not wait for them. Default
    /// `true`; without it, the counts above are the only limits.
    pub adaptive_admission: bool,
    /// How long a connection may take to say HELLO, and to shake hands before that if it is one of TLS.
    /// Default 5 s.
    pub hello_timeout: Duration,
    /// How long a frame may take from its first byte to its last. Default 10 s.
    pub frame_timeout: Duration,
    /// How long a peer may leave answers unread. Default 10 s.
    pub write_timeout: Duration,
    /// How long nothing may come on a connection on which nothing is in flight, before the agent says
    /// goodbye; `None` is for ever. HAProxy closes idle connections itself: at `timeout idle` up to
    /// 3.0, and from 3.1 on at `pool-purge-delay` of the `server` line. Default `None`.
    pub idle_timeout: Option<Duration>,
    /// How long a connection may live; each draws a time within a tenth of it. Then the agent says
    /// goodbye on it as it does when it stops, so that HAProxy connects again, to agents that were
    /// started meanwhile too. `None` is for ever. Default `None`.
    pub connection_lifetime: Option<Duration>,
    /// How long to wait, after saying goodbye, for the peer to close: closing first would lose the
    /// goodbye on HAProxy ≥ 3.1. Default 1 s.
    pub linger_timeout: Duration,
    /// How long to go on serving after the stop signal, with health checks (`option spop-check`)
    /// refused, so that HAProxy sends to its other servers before the agent leaves. Longer than
    /// `inter` times `fall` of the check. Default 0.
    pub lame_duck: Duration,
    /// How long to wait then for what is in flight. A NOTIFY whose handlers still run after that is answered without
    /// their actions. Default 10 s.
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
