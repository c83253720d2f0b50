//! SIGHUP: has the agent make anew what it can, and says what came of it.

use super::systemd;
use crate::agent::{Error, Reloader};
use crate::log_target::AGENT;
use crate::text::one_line;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Takes the signal from here on, which would end the process otherwise.
pub(super) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reloads at each signal, for ever. One that comes during a reload is seen when that is over, several
/// as one.
pub(super) async fn on_each(mut hangups: Signal, reloader: Reloader, status: String) {
    while hangups.recv().await.is_some() {
        systemd::reloading();
        // systemd knows of no reload that failed: its status line has to say so.
        match reload(&reloader).await {
            Ok(()) => systemd::ready(&status),
            Err(error) => {
                // A line break would begin another of systemd's variables.
                let error = error.to_string();
                let error = one_line(&error);
                systemd::ready(&format!("{status}; the last reload failed: {error}"));
            }
        }
    }
}

async fn reload(reloader: &Reloader) -> Result<(), Error> {
    if reloader.is_empty() {
        tracing::info!(target: AGENT,
            "SIGHUP: nothing to reload; `reload = …` instead of `state = …` in `run!` has a value \
             made anew"
        );
        return Ok(());
    }
    match reloader.reload().await {
        Ok(reloaded) => {
            let parts: Vec<_> = reloaded.parts().collect();
            let (took, parts) = (reloaded.elapsed(), parts.join("`, `"));
            tracing::info!(target: AGENT, "SIGHUP: reloaded in {took:?}: `{parts}`");
            Ok(())
        }
        Err(error) => {
            let text = error.to_string();
            let text = one_line(&text);
            tracing::error!(target: AGENT, "SIGHUP: nothing was reloaded, all old values are kept: {text}");
            Err(error)
        }
    }
}
