//! Accepts connections: from all listeners in turn, and no more than the agent may have.

use super::allow_list::AllowList;
use super::listener::Accepted;
use super::unix_socket::BACKLOG;
use crate::agent::Listener;
use crate::agent::counters::AgentCounters;
use crate::agent::report::rate_limit::{Permitted, RateLimit};
use crate::log_target::CONNECTION;
use nix::errno::Errno;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// How long to wait after an accept that failed because file descriptors or memory ran out.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// After this many connections in a row that ended before they were accepted, there is a pause as
/// well: an error that always comes must not keep a core busy.
const MOST_FAILURES: usize = 100;

/// How often to wait for the last connections when file descriptors have run out.
const MOST_PAUSES: usize = 5;

/// The listeners of an agent, and who may come in.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Vec<Listener>,
    /// The listener whose turn it is.
    turn: usize,
    allow: AllowList,
    counters: Arc<AgentCounters>,
    max_connections: usize,
    failures: usize,
    full: RateLimit,
    errors: RateLimit,
}

/// The decision on an accepted connection, or on a failure to accept.
#[derive(Debug)]
pub(crate) enum Decision {
    Admit(Accepted),
    /// Nobody comes in. Others may be waiting.
    Refuse,
    /// The next accept would fail as well: first wait for [`PAUSE`].
    Pause,
}

impl Acceptor {
    pub(crate) fn new(
        listeners: Vec<Listener>,
        allow: AllowList,
        counters: Arc<AgentCounters>,
        max_connections: usize,
    ) -> Self {
        Acceptor {
            listeners,
            turn: 0,
            allow,
            counters,
            max_connections,
            failures: 0,
            full: RateLimit::default(),
            errors: RateLimit::default(),
        }
    }

    /// Waits for the next connection. A listener that always has one does not keep the others from
    /// having theirs accepted.
    pub(crate) async fn accept(&mut self) -> io::Result<Accepted> {
        poll_fn(|cx| self.in_turn(|listener| listener.poll_accept(cx))).await
    }

    /// Returns the next of the connections that wait already.
    fn accept_waiting(&mut self) -> Option<io::Result<Accepted>> {
        let accepted = self.in_turn(|listener| match listener.accept_waiting() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            accepted => Poll::Ready(accepted),
        });
        match accepted {
            Poll::Ready(accepted) => Some(accepted),
            Poll::Pending => None,
        }
    }

    fn in_turn<T>(&mut self, mut accept: impl FnMut(&Listener) -> Poll<T>) -> Poll<T> {
        let (before, from) = self.listeners.split_at(self.turn);
        for (after, listener) in from.iter().chain(before).enumerate() {
            if let Poll::Ready(accepted) = accept(listener) {
                self.turn = (self.turn + after + 1) % self.listeners.len();
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    /// Decides about a connection while this many are open, and logs why one does not come in.
    pub(crate) fn admit(&mut self, accepted: io::Result<Accepted>, open: usize) -> Decision {
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return self.failed(&error),
        };
        self.failures = 0;
        if !self.allow.admits(accepted.peer()) {
            self.counters.refused_not_allowed.add(1);
            return Decision::Refuse;
        }
        if open < self.max_connections {
            return Decision::Admit(accepted);
        }
        self.counters.refused_full.add(1);
        if let Some(Permitted { suppressed }) = self.full.pass() {
            tracing::warn!(target: CONNECTION,
                peer = %accepted.peer(),
                suppressed,
                "connection closed: {} are open, which is the limit; raise `--max-connections` if \
                 HAProxy opens more",
                self.max_connections
            );
        }
        Decision::Refuse
    }

    fn failed(&mut self, error: &io::Error) -> Decision {
        self.failures += 1;
        if is_of_one_connection(error) && self.failures < MOST_FAILURES {
            tracing::debug!(target: CONNECTION, "a connection ended before it was accepted: {error}");
            return Decision::Refuse;
        }
        self.failures = 0;
        self.counters.accept_failed.add(1);
        if let Some(Permitted { suppressed }) = self.errors.pass() {
            tracing::warn!(target: CONNECTION,
                suppressed,
                "cannot accept connections: {error}; if file descriptors ran out, raise \
                 `LimitNOFILE` or `ulimit -n`"
            );
        }
        Decision::Pause
    }

    /// Accepts the connections that wait, and stops listening. Connections in the accept queue look
    /// established to HAProxy and may carry a request already. `admit` takes them and returns how
    /// many are open.
    pub(crate) async fn close(mut self, mut admit: impl FnMut(Option<Accepted>) -> usize) {
        // The wait has an end, even if more connections arrive meanwhile.
        let most = self.listeners.len() * BACKLOG as usize;
        let mut pauses = 0;
        for _ in 0..most {
            let Some(accepted) = self.accept_waiting() else {
                return;
            };
            match self.admit(accepted, admit(None)) {
                Decision::Admit(accepted) => {
                    admit(Some(accepted));
                }
                Decision::Refuse => {}
                Decision::Pause if pauses < MOST_PAUSES => {
                    pauses += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Decision::Pause => return,
            }
        }
    }
}

/// Whether an accept failed because of the connection it would have given, not because of the
/// process: accept(2) names these errors.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::TimedOut
    ) || matches!(
        number,
        Some(
            Errno::EPERM
                | Errno::EPROTO
                | Errno::ENOPROTOOPT
                | Errno::EHOSTDOWN
                | Errno::EOPNOTSUPP
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Address;
    use std::net::TcpStream;

    fn acceptor(addresses: &[Address], most: usize) -> Acceptor {
        let listeners = addresses.iter().map(Listener::bind);
        let listeners = listeners.collect::<Result<_, _>>().unwrap();
        let allow = AllowList::new([]).unwrap();
        Acceptor::new(listeners, allow, Arc::new(AgentCounters::new()), most)
    }

    fn connect(acceptor: &Acceptor, listener: usize, count: usize) -> Vec<TcpStream> {
        let port = acceptor.listeners[listener].tcp_address().unwrap().port();
        let connect = |_| TcpStream::connect(("127.0.0.1", port)).unwrap();
        (0..count).map(connect).collect()
    }

    fn tcp() -> Address {
        Address::Tcp(([127, 0, 0, 1], 0).into())
    }

    #[tokio::test]
    async fn listeners_take_turns() {
        let mut acceptor = acceptor(&[tcp(), tcp(), tcp()], 100);
        let busy = connect(&acceptor, 1, 20);
        let quiet = connect(&acceptor, 2, 1);
        let addresses = |streams: &[TcpStream]| -> Vec<_> {
            streams
                .iter()
                .map(|it| it.local_addr().unwrap().to_string())
                .collect()
        };
        let (busy, quiet) = (addresses(&busy), addresses(&quiet));
        // The runtime may learn of the one before it learns of the other.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut accepted = Vec::new();
        for _ in 0..3 {
            accepted.push(acceptor.accept().await.unwrap().peer().to_string());
        }
        assert!(accepted.contains(&quiet[0]), "{accepted:?}");
        assert!(busy.contains(&accepted[0]), "{accepted:?}");
    }

    #[tokio::test]
    async fn closing_accepts_all_waiting_connections_up_to_the_limit() {
        for (most, expected) in [(1000, 300), (20, 20)] {
            let acceptor = acceptor(&[tcp(), tcp()], most);
            // More than tokio lets a task do without a pause.
            let _first = connect(&acceptor, 0, 150);
            let _second = connect(&acceptor, 1, 150);
            let mut accepted = Vec::new();
            let admit = |one| {
                accepted.extend(one);
                accepted.len()
            };
            acceptor.close(admit).await;
            assert_eq!(accepted.len(), expected);
        }
    }

    #[tokio::test]
    async fn an_error_of_one_connection_does_not_hold_up_others() {
        let mut acceptor = acceptor(&[tcp()], 10);
        for number in [
            Errno::ECONNABORTED,
            Errno::EPROTO,
            Errno::EPERM,
            Errno::EHOSTUNREACH,
        ] {
            let error = Err(io::Error::from_raw_os_error(number as i32));
            let admission = acceptor.admit(error, 0);
            assert!(matches!(admission, Decision::Refuse), "{number}");
        }
        for number in [
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::EBADF,
        ] {
            let error = Err(io::Error::from_raw_os_error(number as i32));
            let admission = acceptor.admit(error, 0);
            assert!(matches!(admission, Decision::Pause), "{number}");
        }
    }

    #[tokio::test]
    async fn a_permanent_error_does_not_keep_a_core_busy() {
        let mut acceptor = acceptor(&[tcp()], 10);
        let mut admit = || acceptor.admit(Err(io::ErrorKind::ConnectionAborted.into()), 0);
        let pauses = (0..1000).filter(|_| matches!(admit(), Decision::Pause));
        assert_eq!(pauses.count(), 1000 / MOST_FAILURES);
    }
}
