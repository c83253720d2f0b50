//! The signals of a serving agent. SIGTERM, SIGINT and SIGUSR1, HAProxy's soft stop, stop it: the first one starts the
//! drain, the second one ends the process. SIGHUP reloads it. SIGUSR2, which reloads HAProxy's master process, is ignored.

use crate::log_target::AGENT;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle, Signals};
use std::future::Future;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// The agent that serves, until a signal stops it.
static SERVING: Mutex<Option<ServedAgent>> = Mutex::new(None);

/// The signals that a thread waits for, once it runs. It runs as long as the process: a signal that was taken does not
/// get its default action back.
static TAKEN: Mutex<Option<TakenSignals>> = Mutex::new(None);

struct TakenSignals {
    signals: Handle,
    hangups: watch::Sender<()>,
}

struct ServedAgent {
    stop: oneshot::Sender<()>,
    lame_duck: Duration,
    drain: Duration,
}

/// Handles the signals that stop an agent from now on. The future is done at the first one.
///
/// A separate thread waits for signals, so that the second one ends the process even if a handler never
/// returns. A program may call this function again when its agent has stopped. While no agent serves, each
/// of these signals ends the process.
pub(super) fn first_signal(
    lame_duck: Duration,
    drain: Duration,
) -> io::Result<impl Future<Output = ()>> {
    take(&[SIGTERM, SIGINT, SIGUSR1, SIGUSR2])?;
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

/// Takes SIGHUP and SIGUSR2 from now on, either of which would end the process. The receiver changes at each SIGHUP.
pub(super) fn hangups() -> io::Result<watch::Receiver<()>> {
    take(&[SIGHUP, SIGUSR2])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes these signals, beside those that are taken already. Starts the thread the first time.
fn take(numbers: &[i32]) -> io::Result<watch::Receiver<()>> {
    let mut taken = lock(&TAKEN);
    let TakenSignals { signals, hangups } = match &mut *taken {
        Some(taken) => taken,
        none => none.insert(start()?),
    };
    for number in numbers {
        signals.add_signal(*number)?;
    }
    Ok(hangups.subscribe())
}

/// Starts the thread that waits for signals.
fn start() -> io::Result<TakenSignals> {
    let mut signals = Signals::new::<_, i32>([])?;
    let taken = TakenSignals {
        signals: signals.handle(),
        hangups: watch::Sender::new(()),
    };
    let hangups = taken.hangups.clone();
    let wait = move || {
        for number in signals.forever() {
            match number {
                SIGHUP => hangups.send_replace(()),
                SIGUSR2 => tracing::info!(target: AGENT,
                    "SIGUSR2: ignored: it reloads HAProxy's master process; an agent is reloaded by \
                     SIGHUP and stopped by SIGTERM"
                ),
                SIGINT => stop("SIGINT", number),
                SIGUSR1 => stop("SIGUSR1", number),
                _ => stop("SIGTERM", number),
            }
        }
    };
    std::thread::Builder::new()
        .name("spoa-signals".to_owned())
        .spawn(wait)?;
    Ok(taken)
}

/// Stops the agent, or ends the process if none serves.
fn stop(name: &str, number: i32) {
    // The agent may have ended by itself.
    let serving = lock(&SERVING).take().filter(|it| !it.stop.is_closed());
    let Some(serving) = serving else {
        tracing::warn!(target: AGENT, "{name}: exiting at once");
        std::process::exit(128 + number);
    };
    serving.stop(name);
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
