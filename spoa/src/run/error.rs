//! Why the agent did not start, in the words that the user reads.

use super::ConfigureError;
#[cfg(feature = "tls")]
use crate::agent::TlsError;
use crate::agent::{self, BindError, ErrorKind};
use crate::client;
use std::io;

/// Why the agent did not start, or a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("{}{}", .0, agent_option(.0))]
    Agent(#[from] agent::Error),
    /// The admin server cannot listen.
    #[cfg(feature = "admin")]
    #[error("{}{}", .0, admin_option(.0))]
    Admin(agent::Error),
    #[error("{}", .0.0)]
    Configure(ConfigureError),
    #[error(
        "`run!` starts a runtime of its own, and there is one already: write `fn main()` without \
         `async` and without `#[tokio::main]`; `run!(state = …)` may use `.await`"
    )]
    InRuntime,
    #[error("cannot start threads: {}{}", .0, advice(.0, THREADS))]
    Runtime(io::Error),
    #[error("cannot wait for signals: {}{}", .0, advice(.0, ""))]
    Signals(io::Error),
    /// The number of a socket in `LISTEN_FDS`.
    #[error(
        "socket {} of LISTEN_FDS is not a listening TCP or unix socket: write `ListenStream=` in the \
         .socket unit", .0 + 1
    )]
    Passed(usize),
    #[error("cannot accept on the sockets of LISTEN_FDS: {}{}", .0, advice(.0, ""))]
    Sockets(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Argument(String),
    /// The program's own options cannot be read.
    #[error("{0}")]
    Options(String),
    /// Several things that `check` found.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: "))]
    Several(Vec<StartError>),
    #[error(transparent)]
    Call(#[from] client::Error),
    /// `call` cannot connect to the agent in its own process.
    #[error("cannot connect to the handlers: {}{}", .0, advice(.0, ""))]
    Connect(io::Error),
    /// A handler or a tool failed.
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    /// Returns the exit status: 2 if the command line is wrong, else 1.
    pub(super) fn status(&self) -> i32 {
        match self {
            StartError::Argument(_) | StartError::Call(_) => 2,
            _ => 1,
        }
    }
}

/// The remedy where there are too many threads.
const THREADS: &str = "; lower `--workers`, or raise `ulimit -u`";

/// Names the option that an error of the admin server advises.
#[cfg(feature = "admin")]
fn admin_option(error: &agent::Error) -> &'static str {
    match error.kind() {
        ErrorKind::Bind(BindError::InUse { .. } | BindError::NotASocket { .. }) => {
            " with `--admin`"
        }
        _ => "",
    }
}

/// Names the option that an error of the agent advises.
fn agent_option(error: &agent::Error) -> &'static str {
    match error.kind() {
        #[cfg(feature = "tls")]
        ErrorKind::Tls(TlsError::NoKey { .. }) => " with `--tls-key`",
        ErrorKind::Bind(BindError::InUse { .. } | BindError::NotASocket { .. }) => {
            " with `--listen`"
        }
        _ => "",
    }
}

/// Returns the remedy for an error of the system: the usual one, unless descriptors ran out.
fn advice(error: &io::Error, usual: &'static str) -> &'static str {
    if agent::descriptors_ran_out(error) {
        agent::RAISE_DESCRIPTORS
    } else {
        usual
    }
}
