//! Signals that stop the agent: SIGTERM, SIGINT and SIGUSR1, HAProxy's soft stop. The first one starts the
//! drain, the second one ends the process.
//!
//! SIGUSR2, which reloads HAProxy's master process, is ignored.

use crate::log_target::AGENT;
use std::io;
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The agent that serves, until a signal stops it.
static SERVING: Mutex<Option<ServedAgent>> = Mutex::new(None);

/// Whether the thread that waits for signals is running. It runs as long as the process, since tokio has taken
/// the signals.
static WAITS: Mutex<bool> = Mutex::new(false);

struct ServedAgent {
    stop: oneshot::Sender<()>,
    lame_duck: Duration,
    drain: Duration,
}

/// Handles the signals from now on. The future is done at the first one.
///
/// A separate thread waits for signals, so that the second one ends the process even if a handler never
/// returns. A program may call this function again when its agent has stopped. While no agent serves, each
/// signal ends the process.
pub(super) fn first_signal(
    lame_duck: Duration,
    drain: Duration,
) -> io::Result<impl Future<Output = ()>> {
    let mut waits = lock(&WAITS);
    if !*waits {
        start()?;
        *waits = true;
    }
    let (stop, stopped) = oneshot::channel();
    *lock(&SERVING) = Some(ServedAgent {
        stop,
        lame_duck,
        drain,
    });
    Ok(async {
        // The sender is gone: another agent has replaced it.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// Keeps SIGUSR2 from ending the process, from now on. It must be called within a runtime.
pub(super) fn ignore_haproxys_reload() -> io::Result<()> {
    // tokio's handler stays in place after the receiver is dropped.
    signal(SignalKind::user_defined2()).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that waits for signals.
fn start() -> io::Result<()> {
    let (ready, started) = mpsc::channel();
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return ready.send(Err(error)).unwrap_or_default(),
        };
        runtime.block_on(async {
            let mut signals = match Signals::new() {
                Ok(signals) => signals,
                Err(error) => return ready.send(Err(error)).unwrap_or_default(),
            };
            ready.send(Ok(())).unwrap_or_default();
            loop {
                let (name, number) = signals.next().await;
                // The agent may have ended by itself.
                let serving = lock(&SERVING).take().filter(|it| !it.stop.is_closed());
                let Some(serving) = serving else {
                    tracing::warn!(target: AGENT, "{name}: exiting at once");
                    std::process::exit(128 + number);
                };
                serving.stop(name);
            }
        });
    };
    std::thread::Builder::new()
        .name("spoa-signals".to_owned())
        .spawn(watch)?;
    started
        .recv()
        .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

impl ServedAgent {
    fn stop(self, name: &str) {
        let drain = self.drain;
        match self.lame_duck {
            Duration::ZERO => tracing::info!(target: AGENT,
                "{name}: draining: no new connections; NOTIFYs in flight have {drain:?} to finish; a \
                 second signal exits at once"
            ),
            lame_duck => tracing::info!(target: AGENT,
                "{name}: serving for another {lame_duck:?} with health checks refused, so that HAProxy \
                 uses its other servers; then draining: NOTIFYs in flight have {drain:?} to \
                 finish; a second signal exits at once"
            ),
        }
        let _ = self.stop.send(());
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    soft_stop: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            soft_stop: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for a signal that stops the agent; returns its name and its number.
    async fn next(&mut self) -> (&'static str, i32) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {
                    return ("SIGTERM", SignalKind::terminate().as_raw_value());
                }
                _ = self.interrupt.recv() => {
                    return ("SIGINT", SignalKind::interrupt().as_raw_value());
                }
                _ = self.soft_stop.recv() => {
                    return ("SIGUSR1", SignalKind::user_defined1().as_raw_value());
                }
                _ = self.reload.recv() => tracing::info!(target: AGENT,
                    "SIGUSR2: ignored: it reloads HAProxy's master process; an agent is reloaded by \
                     SIGHUP and stopped by SIGTERM"
                ),
            }
        }
    }
}
