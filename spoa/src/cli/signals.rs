//! SIGTERM, SIGINT and SIGUSR1, which is HAProxy's soft stop: the first asks the agent to drain, the second ends the process.
//!
//! It must not know what draining is.

use std::io;
use std::sync::mpsc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Takes the signals from here on. What is returned is done at the first of them.
///
/// They have a thread of their own: a handler that never returns must not keep the second signal
/// from ending the process.
pub(super) fn first_signal(
    lame_duck: Duration,
    drain: Duration,
) -> io::Result<impl Future<Output = ()>> {
    let (stop, stopped) = oneshot::channel();
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
            let (name, _) = signals.next().await;
            match lame_duck {
                Duration::ZERO => tracing::info!(
                    "{name}: draining: no new connections, what is in flight has {drain:?} to \
                     finish; a second signal exits at once"
                ),
                lame_duck => tracing::info!(
                    "{name}: serving on for {lame_duck:?} with health checks refused, so that HAProxy \
                     sends to its other servers; then draining: what is in flight has {drain:?} to \
                     finish; a second signal exits at once"
                ),
            }
            // The agent may have ended by itself.
            let _ = stop.send(());
            let (name, number) = signals.next().await;
            tracing::warn!("{name}: exiting at once");
            std::process::exit(128 + number);
        });
    };
    std::thread::Builder::new()
        .name("spoa-signals".to_owned())
        .spawn(watch)?;
    started
        .recv()
        .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
    Ok(async {
        // Without its sender nobody can ask any more.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    soft_stop: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            soft_stop: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next signal, by its name and its number.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
            _ = self.soft_stop.recv() => ("SIGUSR1", SignalKind::user_defined1().as_raw_value()),
        }
    }
}
