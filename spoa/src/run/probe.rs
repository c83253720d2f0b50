//! `probe`: asks the agent that serves whether it is ready, for containers without a shell.

use super::command_line::Options;
use super::output::print;
use super::settings::SettingKind;
use super::{RunningProgram, StartError, block_on};
use crate::agent::Address;
use crate::client::{ClientOptions, Stream};
use std::time::Duration;

/// The time that a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl RunningProgram {
    /// Asks at the admin server, or at each address that the agent listens on.
    #[cold]
    pub(super) fn probe(&self, options: &Options) -> Result<(), StartError> {
        self.in_runtime(options, |runtime| {
            block_on(runtime, async { print(&self.ask(options).await?) })
        })
    }

    async fn ask(&self, options: &Options) -> Result<String, StartError> {
        #[cfg(feature = "admin")]
        if let Some(address) = options.admin() {
            let asked = crate::admin::probe(address).await;
            return asked.map_err(|problem| StartError::Failed(format!("{address}: {problem}")));
        }
        if options
            .text(|kind| matches!(kind, SettingKind::TlsCert))
            .is_some()
        {
            return Err(StartError::Failed(
                "`probe` speaks no TLS: run the agent and `probe` with `--admin ADDRESS`, or have the agent \
                 listen at a unix socket as well and probe that"
                    .to_owned(),
            ));
        }
        for address in options.listen(&self.listen) {
            let reachable = address.parse::<Address>()?.for_clients();
            let stream = Stream::connect(&reachable, CONNECT_TIMEOUT).await;
            let stream = stream.map_err(|error| StartError::Failed(error.to_string()))?;
            let asked = ClientOptions::default().probe_over(stream).await;
            asked.map_err(|error| StartError::Failed(format!("{address}: {error}")))?;
        }
        Ok("ready\n".to_owned())
    }
}
