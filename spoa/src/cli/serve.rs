//! `serve`: listens until a signal comes, and says what it does.
//!
//! It must not know where its options come from.

use super::banner::Banner;
use super::{StartError, This, signals};
use crate::agent::AgentBuilder;
use std::io::{Write, stdout};

/// Serves until it is told to stop and all that was in flight is answered.
pub(super) async fn serve(builder: AgentBuilder, this: &This<'_>) -> Result<(), StartError> {
    let agent = builder.build()?;
    let drain = agent.limits().drain;
    let server = agent.bind()?;
    // Whoever reads that it listens may stop it at once.
    let stop = signals::first_signal(drain).map_err(StartError::Signals)?;
    let listeners = server.listeners().iter();
    let banner = Banner {
        name: this.name,
        version: this.program.version,
        program: this.called,
        handlers: &this.handlers,
        listeners: listeners.map(|listener| listener.address()).collect(),
    };
    // Nobody has to read it.
    let _ = stdout().write_all(banner.text().as_bytes());
    server.serve(stop).await;
    tracing::info!("stopped");
    Ok(())
}
