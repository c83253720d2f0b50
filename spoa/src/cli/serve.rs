//! `serve`: listens until a signal comes, and says what it does.
//!
//! It must not know where its options come from.

use super::banner::Banner;
use super::{StartError, signals};
use crate::agent::AgentBuilder;
use std::io::{Write, stdout};

/// How the program presents itself.
#[derive(Debug)]
pub(super) struct Names<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) program: &'a str,
}

/// Serves until it is told to stop and all that was in flight is answered.
pub(super) async fn serve(builder: AgentBuilder, names: &Names<'_>) -> Result<(), StartError> {
    let agent = builder.build()?;
    let handlers: Vec<_> = agent.handlers().collect();
    let drain = agent.limits().drain;
    let server = agent.bind()?;
    // Whoever reads that it listens may stop it at once.
    let stop = signals::first_signal(drain).map_err(StartError::Signals)?;
    let banner = Banner {
        name: names.name,
        version: names.version,
        program: names.program,
        handlers: &handlers,
        listeners: server
            .listeners()
            .iter()
            .map(|listener| listener.address())
            .collect(),
    };
    // Nobody has to read it.
    let _ = stdout().write_all(banner.text().as_bytes());
    server.serve(stop).await;
    tracing::info!("stopped");
    Ok(())
}
