//! `dev`: the agent behind a real HAProxy, with a tap between the two.

use super::command_line::Options;
use super::output::print;
#[cfg(feature = "admin")]
use super::serve::RunningAdmin;
use super::{RunningProgram, StartError, signals, tap};
use crate::agent::{AgentBuilder, SecretArguments};
use spoa_tools::dev::Dev;
use std::sync::Arc;
use std::time::Duration;

/// Serves until a signal comes or HAProxy ends.
pub(super) async fn dev(
    dev: &Dev,
    builder: AgentBuilder,
    running: &RunningProgram,
    options: &Options,
) -> Result<(), StartError> {
    let agent = builder
        // There is no other agent that health checks could move the load to.
        .limits(|limits| limits.lame_duck = Duration::ZERO)
        .listen("127.0.0.1:0")
        .build()?;
    let drain = agent.limits().drain_timeout;
    let server = agent.bind()?;
    #[cfg(feature = "admin")]
    let admin = super::serve::admin(running, options)?;
    let address = server.listeners().iter().map(|listener| listener.address());
    let address = address.last().unwrap_or_default().to_owned();
    let stop = signals::first_signal(Duration::ZERO, drain).map_err(StartError::Signals)?;
    let secrets = Arc::new(SecretArguments::of(&running.handlers));
    let haproxy = dev
        .start(
            &running.description(options),
            &address,
            |listener, agent, log| tap::spawn(listener, agent, log, Arc::clone(&secrets)),
        )
        .await;
    let mut haproxy = haproxy.map_err(StartError::Failed)?;
    print(&format!(
        "{} {} {}",
        running.name,
        running.version,
        haproxy.text()
    ))?;
    #[cfg(feature = "admin")]
    if let Some(admin) = &admin {
        print(&format!(
            "Metrics, health and a page at {}\n",
            admin.address()
        ))?;
    }
    #[cfg(feature = "admin")]
    let admin = admin.map(|admin| RunningAdmin::start(admin, server.monitor()));
    let mut ended = Ok(());
    server
        .serve(async {
            ended = haproxy.until(stop).await;
        })
        .await;
    #[cfg(feature = "admin")]
    if let Some(admin) = admin {
        admin.end().await;
    }
    ended.map_err(StartError::Failed)
}
