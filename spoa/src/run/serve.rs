//! `serve`: listens until a signal comes.

use super::banner::Banner;
use super::{Running, Setup, StartError, handlers, reload, signals, systemd};
#[cfg(feature = "tools")]
use super::{description, tools};
use crate::log_target::AGENT;
use std::io::{Write, stdout};
use tokio::signal::unix::Signal;

/// Serves until a signal comes and all NOTIFYs in flight are answered.
pub(super) async fn serve(
    setup: Setup,
    running: &Running,
    hangups: Signal,
    passed: usize,
) -> Result<(), StartError> {
    let agent = setup.builder.build()?;
    let limits = agent.limits().clone();
    let (lame_duck, drain) = (limits.lame_duck, limits.drain_timeout);
    let server = agent.bind()?;
    // A reader of the banner may stop the agent at once.
    let stop = signals::first_signal(lame_duck, drain).map_err(StartError::Signals)?;
    let listeners = server.listeners().iter();
    let banner = Banner {
        name: &running.name,
        version: running.version,
        program: &running.called,
        handlers: &running.handlers,
        listeners: listeners.map(|listener| listener.address()).collect(),
        tls: server.takes_tls(),
        passed,
    };
    // Nobody has to read the banner.
    let _ = stdout().write_all(banner.text().as_bytes());
    let status = format!("serves {}", banner.listeners.join(", "));
    tracing::info!(target: AGENT, "started: {} {} {status}", running.name, running.version);
    systemd::ready(&status);
    let watchdog = tokio::spawn(systemd::watchdog());
    for note in handlers::notes(&running.handlers) {
        tracing::info!(target: AGENT, "{note}");
    }
    #[cfg(feature = "tools")]
    for warning in spoa_config::overfull(&tools::agent(&description::with_limits(running, &limits)))
    {
        tracing::warn!(target: AGENT, "{warning}");
    }
    let reloads = tokio::spawn(reload::on_each(hangups, server.reloader(), status));
    server
        .serve(async {
            stop.await;
            systemd::stopping("draining");
        })
        .await;
    reloads.abort();
    watchdog.abort();
    tracing::info!(target: AGENT, "stopped");
    Ok(())
}
