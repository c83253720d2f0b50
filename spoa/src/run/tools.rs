//! The commands that look at HAProxy's side, over the description of this agent.

use super::StartError;
use super::output::{print, warn};
use spoa_config::Agent;
use spoa_tools::command::{Command, CommandInput};
use spoa_tools::config::Config;
use spoa_tools::dev::Dev;
use spoa_tools::docs;
use spoa_tools::doctor::Doctor;
use spoa_tools::explain::Explain;

/// The commands.
pub(super) const COMMANDS: [Command; 5] = [
    Config::COMMAND,
    Dev::COMMAND,
    Doctor::COMMAND,
    docs::COMMAND,
    Explain::COMMAND,
];

/// A command with its options.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Config(Box<Config>),
    Dev(Dev),
    Doctor(Doctor),
    Docs,
    Explain(Explain),
}

impl Tool {
    /// Reads the options of a command.
    pub(super) fn read(name: &str, given: &CommandInput) -> Self {
        match name {
            "config" => Tool::Config(Box::new(Config::read(given))),
            "dev" => Tool::Dev(Dev::read(given)),
            "doctor" => Tool::Doctor(Doctor::read(given)),
            "explain" => Tool::Explain(Explain::read(given)),
            _ => Tool::Docs,
        }
    }
}

/// Runs a command that needs no server, prints its outcome, and returns the exit status.
pub(super) fn perform(tool: &Tool, agent: &Agent) -> Result<i32, StartError> {
    let outcome = match tool {
        Tool::Config(config) => config.perform(agent),
        Tool::Doctor(doctor) => doctor.perform(Some(agent)),
        Tool::Explain(explain) => explain.perform(),
        Tool::Dev(_) | Tool::Docs => Ok(docs::perform(agent)),
    };
    let outcome = outcome.map_err(StartError::Argument)?;
    print(&outcome.text)?;
    warn(outcome.warnings);
    Ok(outcome.status.into())
}

/// Reads a description as the tools know it.
pub(super) fn agent(description: &crate::json::JsonValue) -> Agent {
    let agent = spoa_tools::description::read(&description.to_string());
    agent.expect("the two ends of the format agree")
}
