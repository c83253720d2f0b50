//! SIGHUP: reloads the agent, and logs the outcome.

use super::systemd;
use crate::agent::{Error, Reloader};
use crate::log_target::AGENT;
use crate::text::one_line;
use tokio::sync::watch;

/// Reloads at each signal, without end. Signals that come during a reload lead to one more reload.
pub(super) async fn on_each(mut hangups: watch::Receiver<()>, reloader: Reloader, status: String) {
    while hangups.changed().await.is_ok() {
        systemd::reloading();
        // systemd has no message for a reload that failed, so the status line says so.
        match reload(&reloader).await {
            Ok(()) => systemd::ready(&status),
            Err(error) => {
                // After a line break, systemd would read another variable.
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
            "SIGHUP: nothing to reload: in `run!`, write `reload = …` instead of `state = …` for a value \
             that SIGHUP makes again"
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
