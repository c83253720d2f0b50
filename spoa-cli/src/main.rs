//! `spop`: tools for SPOE agents, in whatever language those are.
//!
//! It plays HAProxy's part and must know nothing of how an agent is made.

mod explain;
mod failure;
mod terminal;

use clap::Command;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("explain", matches)) => explain::run(matches),
        _ => unreachable!("clap asks for a command"),
    };
    done.unwrap_or_else(|failure: Failure| {
        eprintln!("error: {failure}");
        failure.status()
    })
}

/// The command line.
fn command() -> Command {
    Command::new("spop")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Tools for SPOE agents of HAProxy, in whatever language they are")
        .after_help(
            "The exit status is 0 if all is well, 1 if something is wrong with the agent or what \
             it said,\n2 if what was typed cannot be done.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(explain::command())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
