//! The agents of `tests/agents` as processes, in an environment that says nothing to them.

#![allow(dead_code, reason = "each test uses what it needs")]

use spoa_tests::process::ended;
use std::process::{Command, Output, Stdio};

/// The exit status and the output of an agent that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Returns the command of a binary.
pub(crate) fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPOA_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .env("JOURNAL_STREAM", "so that lines have no time")
        .stdin(Stdio::null());
    command
}

/// Returns the command of the agent with a handler of each kind.
pub(crate) fn fixture() -> Command {
    program(env!("CARGO_BIN_EXE_agent-fixture"))
}

/// Runs a command to its end, which comes soon or fails the test.
pub(crate) fn said(command: &mut Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = ended(command);
    Said {
        status: status.code(),
        out: String::from_utf8(stdout).expect("it prints text"),
        err: String::from_utf8(stderr).expect("it prints text"),
    }
}
