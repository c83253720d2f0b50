//! systemd: the sockets that it passes, and the notifications that it gets.
//!
//! Without systemd's variables in the environment, none of these functions has an effect.

use super::{StartError, secrets};
use crate::agent::Listener;
use crate::log_target::AGENT;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::time::Duration;

/// The sockets of `LISTEN_FDS`, which systemd bound for the agent.
#[derive(Debug, Default)]
pub(super) struct Passed(Vec<Socket>);

#[derive(Debug)]
enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

impl Passed {
    /// Takes the sockets, and removes their variables from the environment: call it while the process has
    /// one thread.
    pub(super) fn take() -> Result<Self, StartError> {
        let mut given = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            // A socket of the other kind is an error, so both kinds are tried.
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

    /// Returns the sockets as listeners of the agent. It must be called within a runtime.
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

/// Tells systemd that the agent listens, or has reloaded.
pub(super) fn ready(status: &str) {
    // A line break would start another variable.
    let status = secrets::hide(status.replace('\n', " "));
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Tells systemd that the agent begins to reload; [`ready`] ends the reload.
pub(super) fn reloading() {
    // systemd ignores the message without the time.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Tells systemd that the agent stops when it has answered.
pub(super) fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Sends signs of life while it is polled, twice as often as systemd asks for. It must be a task of its own: it
/// runs on the workers, so it stops if handlers keep all of them.
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
