//! `serve`: listens until a signal comes.

use super::banner::Banner;
use super::command_line::Options;
use super::service::Services;
use super::{RunningProgram, Setup, StartError, handlers, reload, signals, systemd};
#[cfg(feature = "tools")]
use super::{description, tools};
use crate::log_target::AGENT;
use crate::task;
use std::io::{Write, stdout};
use tokio::sync::watch;

/// Serves until a signal comes and all NOTIFYs in flight are answered.
pub(super) async fn serve(
    setup: Setup,
    running: &RunningProgram,
    #[cfg_attr(not(feature = "admin"), allow(unused_variables))] options: &Options,
    hangups: watch::Receiver<()>,
    passed: usize,
) -> Result<(), StartError> {
    let Setup {
        builder, services, ..
    } = setup;
    let agent = builder.build()?;
    let limits = agent.limits().clone();
    let (lame_duck, drain) = (limits.lame_duck, limits.drain_timeout);
    let server = agent.bind()?;
    #[cfg(feature = "admin")]
    let admin = admin(running, options)?;
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
        own: options.own_on_the_command_line(),
        passed,
    };
    // An error means only that the banner has no reader.
    let _ = stdout().write_all(banner.text().as_bytes());
    let status = format!("serves {}", banner.listeners.join(", "));
    tracing::info!(target: AGENT, "started: {} {} {status}", running.name, running.version);
    systemd::ready(&status);
    #[cfg(feature = "admin")]
    let admin = admin.map(|admin| {
        tracing::info!(target: AGENT, "metrics, health and a page at {}", admin.address());
        RunningAdmin::start(admin, server.monitor())
    });
    let watchdog = task::spawn(systemd::watchdog());
    for note in handlers::notes(&running.handlers) {
        tracing::info!(target: AGENT, "{note}");
    }
    #[cfg(feature = "tools")]
    for warning in spoa_config::overfull(&tools::agent(&description::with_limits(running, &limits)))
    {
        tracing::warn!(target: AGENT, "{warning}");
    }
    let services = Services::start(services, &server.reloader());
    let reloads = task::spawn(reload::on_each(hangups, server.reloader(), status));
    server
        .serve(async {
            stop.await;
            systemd::stopping("draining");
            services.stop();
        })
        .await;
    services
        .end(lame_duck + drain + limits.linger_timeout)
        .await;
    // Each may have the program's values, which are dropped while the runtime still runs: a drop may need it.
    task::cancel(reloads).await;
    task::cancel(watchdog).await;
    #[cfg(feature = "admin")]
    if let Some(admin) = admin {
        admin.end().await;
    }
    tracing::info!(target: AGENT, "stopped");
    Ok(())
}

/// An admin server that runs.
#[cfg(feature = "admin")]
pub(super) struct RunningAdmin {
    task: tokio::task::JoinHandle<()>,
    end: tokio::sync::oneshot::Sender<()>,
}

#[cfg(feature = "admin")]
impl RunningAdmin {
    pub(super) fn start(admin: crate::admin::Admin, monitor: crate::agent::Monitor) -> Self {
        let (end, ended) = tokio::sync::oneshot::channel();
        let until = async { drop(ended.await) };
        let task = task::spawn(admin.serve_until([monitor], until));
        RunningAdmin { task, end }
    }

    /// Ends it and its connections.
    pub(super) async fn end(self) {
        drop(self.end);
        let _ = self.task.await;
    }
}

/// Binds the admin server, if it is asked for.
#[cfg(feature = "admin")]
pub(super) fn admin(
    #[cfg_attr(not(feature = "tools"), allow(unused_variables))] running: &RunningProgram,
    options: &Options,
) -> Result<Option<crate::admin::Admin>, StartError> {
    let Some(address) = options.admin() else {
        return Ok(None);
    };
    let admin = crate::admin::Admin::bind(address).map_err(StartError::Admin)?;
    let admin = admin.ready_needs_fresh_values(options.ready_needs_fresh_values());
    #[cfg(feature = "tools")]
    let admin = admin.handlers_page(spoa_tools::docs::perform(&running.description(options)).text);
    Ok(Some(admin))
}
