//! The task that a command line asks for.

#[cfg(feature = "tools")]
use super::commands::TOOLS;
use super::parse::Line;
#[cfg(feature = "tools")]
use crate::run::tools::Tool;
use std::ffi::OsString;

/// A task that a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::run) enum Task {
    /// Serve until a signal comes.
    Serve,
    /// Make the agent as for serving, without listening.
    Check,
    /// Ask the agent that serves whether it is ready.
    Probe,
    /// Print the completions for a shell.
    #[cfg(feature = "options")]
    Completions { shell: String },
    /// Print the manual page.
    #[cfg(feature = "options")]
    Man,
    /// List the handlers.
    Handlers { json: bool },
    /// Send one message to the handlers in this process.
    Call {
        message: String,
        args: Vec<OsString>,
        json: bool,
    },
    /// Look at HAProxy's side.
    #[cfg(feature = "tools")]
    Tool(Tool),
}

impl Task {
    /// Returns whether the task makes an agent, with its state.
    pub(super) fn makes_an_agent(&self) -> bool {
        match self {
            Task::Serve | Task::Check | Task::Call { .. } => true,
            Task::Probe | Task::Handlers { .. } => false,
            #[cfg(feature = "options")]
            Task::Completions { .. } | Task::Man => false,
            #[cfg(feature = "tools")]
            Task::Tool(tool) => matches!(tool, Tool::Dev(_)),
        }
    }

    /// Returns what a command line asks for.
    pub(super) fn of(line: Line) -> Self {
        let json = line.values("json").next().is_some();
        match line.command {
            "check" => Task::Check,
            #[cfg(feature = "options")]
            "completions" => {
                let shell = line.operands.first().map(|shell| shell.to_string_lossy());
                Task::Completions {
                    shell: shell.unwrap_or_default().into_owned(),
                }
            }
            #[cfg(feature = "options")]
            "man" => Task::Man,
            "probe" => Task::Probe,
            "handlers" => Task::Handlers { json },
            "call" => {
                let mut operands = line.operands.into_iter();
                let message = operands.next().unwrap_or_default();
                Task::Call {
                    message: message.to_string_lossy().into_owned(),
                    args: operands.collect(),
                    json,
                }
            }
            #[cfg(feature = "tools")]
            name if TOOLS.contains(&name) => {
                let options = line.options.into_iter();
                let given = options.fold(Default::default(), |given, (long, value)| {
                    spoa_tools::command::CommandInput::option(given, long, value)
                });
                let operands = line.operands.into_iter();
                Task::Tool(Tool::read(
                    name,
                    &operands.fold(given, spoa_tools::command::CommandInput::operand),
                ))
            }
            _ => Task::Serve,
        }
    }
}
