//! SIGHUP: has the agent make anew what it can, and says what came of it.
//!
//! It must not know what is made, nor how.

use crate::agent::Reloader;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Takes the signal from here on, which would end the process otherwise.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reloads at each signal, for ever. One that comes during a reload is seen when that is over, several
/// as one.
pub(super) async fn on_each(mut hangups: Signal, reloader: Reloader) {
    while hangups.recv().await.is_some() {
        reload(&reloader).await;
    }
}

async fn reload(reloader: &Reloader) {
    if reloader.is_empty() {
        tracing::info!(
            "SIGHUP: nothing to reload; `reload = …` instead of `state = …` in `run!` has a value \
             made anew"
        );
        return;
    }
    match reloader.reload().await {
        Ok(reloaded) => {
            let parts: Vec<_> = reloaded.parts().collect();
            tracing::info!(
                "SIGHUP: reloaded in {:?}: `{}`",
                reloaded.took(),
                parts.join("`, `")
            );
        }
        Err(error) => {
            tracing::error!("SIGHUP: nothing was reloaded, all old values are kept: {error}")
        }
    }
}
