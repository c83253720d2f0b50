//! `spop`: tools for SPOE agents, in whatever language those are.
//!
//! It plays HAProxy's part and does not depend on how an agent is made.

mod admin;
mod bench;
mod call;
mod decode;
mod expectation;
mod failure;
mod new;
mod output;
mod probe;
mod process;
mod record;
mod recording;
mod replay;
mod tools;
mod top;
mod transport;

use clap::{Arg, ArgAction, ArgMatches, Command};
use failure::Failure;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("bench", matches)) => bench::run(matches),
        Some(("call", matches)) => call::run(matches),
        Some(("probe", matches)) => probe::run(matches),
        Some(("top", matches)) => top::run(matches),
        Some(("record", matches)) => record::run(matches),
        Some(("replay", matches)) => replay::run(matches),
        Some(("decode", matches)) => decode::run(matches),
        Some(("new", matches)) => new::run(matches),
        Some((name, matches)) => match tools::run(name, matches) {
            Some(done) => done,
            None => unreachable!("clap knows no other command"),
        },
        None => unreachable!("clap asks for a command"),
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
        .about("Tools for HAProxy SPOE agents in any language")
        .after_help(
            "The exit status is 0 if all is well, 1 if something is wrong with the agent or its \
             answers,\n2 if the command line is wrong.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(new::command())
        .subcommand(call::command())
        .subcommand(probe::command())
        .subcommand(bench::command())
        .subcommand(top::command())
        .subcommand(record::command())
        .subcommand(replay::command())
        .subcommand(decode::command())
        .subcommands(tools::commands())
}

/// The address of the agent.
fn address() -> Arg {
    Arg::new("ADDRESS").required(true).help(
        "Where the agent listens, as in HAProxy's `server` line: 127.0.0.1:12345, \
         unix@/run/agent.sock or abns@name",
    )
}

fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON")
}

/// The option for the time to wait for the agent.
fn patience(default: &'static str) -> Arg {
    Arg::new("timeout")
        .long("timeout")
        .value_name("TIME")
        .value_parser(|text: &str| match spoa_facts::duration(text)? {
            Duration::ZERO => Err("a timeout of 0 is too short; write `5s`".to_owned()),
            time => Ok(time),
        })
        .default_value(default)
}

/// The frame size to offer.
fn max_frame_size() -> Arg {
    Arg::new("max-frame-size")
        .long("max-frame-size")
        .value_name("BYTES")
        .default_value("16380")
        .value_parser(|text: &str| {
            let size = spoa_facts::size(text)?;
            let fits = u32::try_from(size).ok();
            fits.filter(|size| (spoa::spop::MIN_MAX_FRAME_SIZE..=1 << 24).contains(size))
                .ok_or_else(|| "a frame has at least 256 bytes, and at most 16m here".to_owned())
        })
        .help("The largest frame to offer in the HELLO; HAProxy offers tune.bufsize less 4")
}

fn frame_size(matches: &ArgMatches) -> u32 {
    let size = matches.get_one("max-frame-size").copied();
    size.unwrap_or(spoa::spop::MIN_MAX_FRAME_SIZE)
}

/// Returns the text of an argument that clap requires.
fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

/// The runtime that moves a client's bytes.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
