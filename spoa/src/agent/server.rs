//! A bound agent: accepts connections, and drains them when it is to stop.

use super::connection::drive;
use super::dispatch::wakeups::Wakeups;
use super::error::{BindError, Error};
use super::listen::acceptor::{self, Acceptor, Decision};
use super::listen::allow_list::AllowList;
use super::listen::listener::Accepted;
use super::phase::Phase;
use super::reload::ReloadPart;
use super::renewal::{Renewal, renew};
use super::report::handlers as report;
use super::shared::handler_table::HandlerEntry;
use super::worker::activity::{self, BlockedWorker};
use super::worker::watchdog::Watchdog;
use super::{Address, Listener, Monitor, Reloader, Shared};
use crate::log_target::AGENT;
use crate::task;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// An agent whose sockets are bound.
#[derive(Debug)]
pub struct Server {
    pub(super) shared: Arc<Shared>,
    pub(super) listeners: Vec<Listener>,
    pub(super) allow: AllowList,
    pub(super) reloader: Reloader,
    pub(super) renewals: Vec<(Arc<ReloadPart>, Renewal)>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::listen::tls::Certificates>,
}

impl Server {
    /// Binds the addresses, beside the sockets that the program bound itself.
    pub(super) fn bind(mut self, addresses: &[Address]) -> Result<Self, Error> {
        for address in addresses {
            self.listeners.push(Listener::bind(address)?);
        }
        if self.listeners.is_empty() {
            return Err(BindError::Nowhere.into());
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() && self.listeners.iter().all(|it| it.tcp_address().is_none()) {
            tracing::warn!(target: AGENT,
                "the certificate is not used: the agent listens only on unix sockets, which have no TLS"
            );
        }
        Ok(self)
    }

    /// Returns whether its TCP sockets take TLS.
    #[cfg(feature = "run")]
    pub(crate) fn takes_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Returns its sockets.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Returns what reloads its reloadable values.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Returns what reads the numbers that the agent counts.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(self.shared.clone())
    }

    /// Serves until `shutdown` is done, and for [`Limits::lame_duck`](super::Limits::lame_duck)
    /// longer; then stops accepting, answers the NOTIFYs in flight, closes every connection gracefully, and
    /// returns when all are closed. After [`Limits::drain_timeout`](super::Limits::drain_timeout), it answers
    /// the NOTIFYs that are still in flight without actions, and peers have
    /// [`Limits::linger_timeout`](super::Limits::linger_timeout) to close.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Server {
            shared,
            listeners,
            allow,
            reloader,
            renewals,
            #[cfg(feature = "tls")]
            tls,
        } = self;
        // They end with this function.
        let mut renewing = JoinSet::new();
        for (part, renewal) in renewals {
            renewing.spawn(task::boxed(renew(reloader.clone(), part, renewal)));
        }
        if shared.table.definitions().any(|it| it.description().keeps) {
            renewing.spawn(task::boxed(sweep(shared.clone())));
        }
        let mut reloads = shared.current_states.changes();
        let mut connections = Connections {
            #[cfg(feature = "tls")]
            tls,
            ..Connections::default()
        };
        shared.counters.enter(Phase::Serving);
        let mut shutdown = pin!(async {
            shutdown.await;
            shared.refuses_health_checks.store(true, Ordering::Release);
            shared.counters.enter(Phase::LameDuck);
            tokio::time::sleep(shared.limits.lame_duck).await;
        });
        let watched = shared.clone();
        let _watcher = Watchdog::start(shared.id(), move |blocked| {
            report_blocked(&watched, blocked)
        });
        let mut acceptor = Acceptor::new(
            listeners,
            allow,
            shared.counters.clone(),
            shared.limits.max_connections,
        );
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                // Idle connections are to release the replaced values, too.
                Ok(()) = reloads.changed() => connections.wake(),
                Some(_) = connections.tasks.join_next() => connections.forget_ended(),
                accepted = acceptor.accept() => {
                    match acceptor.admit(accepted, connections.tasks.len()) {
                        Decision::Admit(accepted) => connections.admit(accepted, &shared),
                        Decision::Refuse => {}
                        Decision::Pause => tokio::time::sleep(acceptor::PAUSE).await,
                    }
                }
            }
        }
        let last = |accepted: Option<Accepted>| {
            if let Some(accepted) = accepted {
                connections.admit(accepted, &shared);
            }
            connections.tasks.len()
        };
        acceptor.close(last).await;
        shared.counters.enter(Phase::Draining);
        let limit = shared.limits.drain_timeout;
        let deadline = Instant::now() + limit;
        let end = deadline + shared.limits.linger_timeout;
        if tokio::time::timeout(limit, connections.drain())
            .await
            .is_err()
        {
            let (connections_were, were) = match connections.tasks.len() {
                1 => ("1 connection was".to_owned(), "was"),
                count => (format!("{count} connections were"), "were"),
            };
            tracing::warn!(target: AGENT,
                "{connections_were} not done within {limit:?} and {were} closed; find the handler \
                 that takes so long, or raise `--drain-timeout`"
            );
            // Without its DISCONNECT, HAProxy would take that for the end of a process.
            let _ = tokio::time::timeout_at(end, connections.cut_short()).await;
        }
        let after_work = &shared.after_work;
        if tokio::time::timeout_at(deadline, after_work.all_done())
            .await
            .is_err()
        {
            report::after_work_cancelled(after_work.cancel(), limit);
            let end = end.max(Instant::now() + task::CANCELLED);
            let _ = tokio::time::timeout_at(end, after_work.all_done()).await;
        }
        // These tasks have the program's values, which are dropped while the runtime still runs: a drop may need it.
        renewing.shutdown().await;
        let _ = tokio::time::timeout(task::CANCELLED, connections.tasks.shutdown()).await;
        shared.counters.enter(Phase::Stopped);
    }
}

/// Drops the values of transactions whose time is over, for as long as this runs.
async fn sweep(shared: Arc<Shared>) {
    let time = shared.limits.transaction_timeout / 2;
    let pause = time.clamp(Duration::from_millis(100), Duration::from_secs(30));
    loop {
        tokio::time::sleep(pause).await;
        shared.info.transactions.sweep();
    }
}

/// Logs that a handler of this agent blocks its worker thread.
#[cold]
fn report_blocked(shared: &Shared, blocked: BlockedWorker) {
    let is_it = |entry: &&HandlerEntry| activity::handler_id(entry.definition) == blocked.handler;
    let Some(entry) = shared.table.entries().find(is_it) else {
        return;
    };
    shared.counters.workers_blocked.add(1);
    if blocked.with_others {
        report::worker_blocked_together(entry.definition, &shared.line_limits, blocked.time);
    } else {
        report::worker_blocked(entry.definition, &entry.line_limits, blocked.time);
    }
}

/// The connections of an agent.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// Those of all connections that have not ended, and of some that have.
    wakeups: Vec<Weak<Wakeups>>,
    #[cfg(feature = "tls")]
    tls: Option<super::listen::tls::Certificates>,
}

impl Connections {
    fn admit(&mut self, accepted: Accepted, shared: &Arc<Shared>) {
        let wakeups = Arc::new(Wakeups::default());
        self.wakeups.push(Arc::downgrade(&wakeups));
        let shared = shared.clone();
        match accepted {
            Accepted::Tcp(stream, peer) => {
                #[cfg(feature = "tls")]
                if let Some(tls) = self.tls.clone() {
                    self.tasks.spawn(super::listen::tls::drive(
                        stream, peer, tls, shared, wakeups,
                    ));
                    return;
                }
                self.tasks.spawn(drive(stream, peer, shared, wakeups));
            }
            Accepted::Unix(stream, peer) => {
                self.tasks.spawn(drive(stream, peer, shared, wakeups));
            }
        }
    }

    /// Forgets the connections that have ended, if they are the larger part.
    fn forget_ended(&mut self) {
        if self.wakeups.len() > 2 * self.tasks.len() + 8 {
            self.wakeups.retain(|wakeups| wakeups.strong_count() > 0);
        }
    }

    fn wake(&self) {
        for wakeups in self.wakeups.iter().filter_map(Weak::upgrade) {
            wakeups.wake();
        }
    }

    async fn drain(&mut self) {
        for wakeups in self.wakeups.iter().filter_map(Weak::upgrade) {
            wakeups.drain();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    async fn cut_short(&mut self) {
        for wakeups in self.wakeups.iter().filter_map(Weak::upgrade) {
            wakeups.cut_short();
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_that_ended_take_no_memory_for_long() {
        let mut connections = Connections::default();
        let open = Arc::new(Wakeups::default());
        connections.wakeups.push(Arc::downgrade(&open));
        connections.tasks.spawn(std::future::pending());
        for _ in 0..1000 {
            let ended = Arc::new(Wakeups::default());
            connections.wakeups.push(Arc::downgrade(&ended));
            connections.forget_ended();
            assert!(connections.wakeups.len() <= 2 + 8);
        }
        let left = connections.wakeups.iter().filter_map(Weak::upgrade);
        let left: Vec<_> = left.collect();
        assert!(left.len() == 1 && Arc::ptr_eq(&left[0], &open));
    }
}
