//! What systemd gives to the agent and what it is told: sockets, readiness, signs of life.
//!
//! Nothing here does anything where systemd did not ask for it.

use super::StartError;
use crate::agent::Listener;
use crate::log_target::AGENT;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::time::Duration;

/// Sockets that were bound for the agent (`LISTEN_FDS`).
#[derive(Debug, Default)]
pub(super) struct Passed(Vec<Socket>);

#[derive(Debug)]
enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl Passed {
    /// Takes them, and the variables that name them out of the environment: call it while there is
    /// one thread.
    pub(super) fn take() -> Result<Self, StartError> {
        let mut given = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            // Of either kind, whichever it is.
            let unix = given.take_unix_listener(index);
            let socket = match unix {
                Ok(unix) => unix.map(Socket::Unix),
                Err(_) => {
                    let tcp = given.take_tcp_listener(index);
                    tcp.map_err(|_| StartError::Passed(index))?.map(Socket::Tcp)
                }
            };
            sockets.extend(socket);
        }
        Ok(Passed(sockets))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As the agent takes them, within a runtime.
    pub(super) fn listeners(self) -> io::Result<Vec<Listener>> {
        let listeners = self.0.into_iter().map(|socket| match socket {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Ok(tokio::net::TcpListener::from_std(socket)?.into())
            }
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Ok(tokio::net::UnixListener::from_std(socket)?.into())
            }
        });
        listeners.collect()
    }
}

/// The agent listens, or has reloaded.
pub(super) fn ready(status: &str) {
    // A line is what separates one thing that is told from the next.
    let status = status.replace('\n', " ");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The agent begins to reload; [`ready`] ends that.
pub(super) fn reloading() {
    // Without the time, systemd would take no notice.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The agent ends when it has answered.
pub(super) fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Shows signs of life for as long as it is polled, twice as often as systemd wants some. It must be a
/// task of its own: that it runs is what shows that the workers do. Where handlers keep all of them,
/// it does not.
pub(super) async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(target: AGENT,
            "cannot reach systemd by $NOTIFY_SOCKET: {error}; `NotifyAccess=main` and the address \
             family AF_UNIX in `RestrictAddressFamilies` let the agent do so"
        );
    }
}
