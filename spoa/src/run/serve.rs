//! `serve`: listens until a signal comes, and says what it does.
//!
//! It must not know where its options come from.

use super::banner::Banner;
use super::{StartError, This, handlers, reload, signals, systemd, wiring};
use crate::agent::AgentBuilder;
use spoa_config::overfull;
use std::io::{Write, stdout};
use tokio::signal::unix::Signal;

/// Serves until it is told to stop and all that was in flight is answered.
pub(super) async fn serve(
    builder: AgentBuilder,
    this: &This<'_>,
    hangups: Signal,
    passed: usize,
) -> Result<(), StartError> {
    let agent = builder.build()?;
    let limits = agent.limits().clone();
    let (lame_duck, drain) = (limits.lame_duck, limits.drain_timeout);
    let server = agent.bind()?;
    // Whoever reads that it listens may stop it at once.
    let stop = signals::first_signal(lame_duck, drain).map_err(StartError::Signals)?;
    let listeners = server.listeners().iter();
    let banner = Banner {
        name: this.name,
        version: this.program.version,
        program: this.called,
        handlers: &this.handlers,
        listeners: listeners.map(|listener| listener.address()).collect(),
        tls: server.takes_tls(),
        passed,
    };
    // Nobody has to read it.
    let _ = stdout().write_all(banner.text().as_bytes());
    let status = format!("serves {}", banner.listeners.join(", "));
    tracing::info!("started: {} {} {status}", this.name, this.program.version);
    systemd::ready(&status);
    let watchdog = tokio::spawn(systemd::watchdog());
    for note in handlers::notes(&this.handlers) {
        tracing::info!("{note}");
    }
    let described = wiring::agent(this.name, &this.handlers, Vec::new(), &limits);
    for warning in overfull(&described) {
        tracing::warn!("{warning}");
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
    tracing::info!("stopped");
    Ok(())
}
