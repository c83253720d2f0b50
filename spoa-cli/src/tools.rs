//! `spop doctor`, `config`, `docs` and `explain`: the tools for HAProxy's side, over the description of an agent.

use crate::failure::Failure;
use crate::output::print;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use spoa_config::Agent;
use spoa_tools::command::{self, CommandInput, CommandOption};
use spoa_tools::config::Config;
use spoa_tools::doctor::Doctor;
use spoa_tools::explain::Explain;
use spoa_tools::{description, docs};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The use that a command has for an agent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agents {
    Unused,
    Optional,
    Required,
}

/// The commands.
const TOOLS: [(command::Command, Agents); 4] = [
    (Explain::COMMAND, Agents::Unused),
    (Doctor::COMMAND, Agents::Optional),
    (Config::COMMAND, Agents::Required),
    (docs::COMMAND, Agents::Required),
];

pub(crate) fn commands() -> impl Iterator<Item = Command> {
    TOOLS.iter().map(|(command, agents)| of(command, *agents))
}

/// Runs the tool with this name. Returns `None` if no tool has it.
pub(crate) fn run(name: &str, matches: &ArgMatches) -> Option<Result<ExitCode, Failure>> {
    let (command, _) = TOOLS.iter().find(|(command, _)| command.name == name)?;
    Some(perform(command, matches))
}

fn perform(command: &command::Command, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let agent = matches.try_get_one::<PathBuf>("agent").ok().flatten();
    let agent = agent.map(|path| description::load(path)).transpose();
    let agent = agent.map_err(Failure::usage)?;
    let given = given(command, matches);
    let outcome = match command.name {
        "doctor" => Doctor::read(&given).perform(agent.as_ref()),
        "config" => Config::read(&given).perform(&known(agent)),
        "explain" => Explain::read(&given).perform(),
        _ => Ok(docs::perform(&known(agent))),
    };
    let outcome = outcome.map_err(Failure::usage)?;
    print(&outcome.text)?;
    for warning in &outcome.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::from(outcome.status))
}

/// Returns the agent that clap made sure of.
fn known(agent: Option<Agent>) -> Agent {
    agent.unwrap_or_default()
}

fn of(command: &command::Command, agents: Agents) -> Command {
    let about = Arg::new("agent")
        .long("agent")
        .value_name("DESCRIPTION")
        .required(agents == Agents::Required)
        .value_parser(value_parser!(PathBuf))
        .help("Description of the agent: the output of its `handlers --json`");
    let operands = command.operands.iter().map(|operands| {
        let arg = Arg::new(operands.name)
            .num_args(1..)
            .required(operands.required && operands.unless.is_empty())
            .value_parser(ValueParser::os_string())
            .help(operands.help);
        match operands.unless {
            "" => arg,
            option => arg.required_unless_present(option),
        }
    });
    let about = (agents != Agents::Unused).then_some(about);
    let notes = "docs/description.md has the format of descriptions, for agents in any language.";
    let notes = match about {
        Some(_) => [command.notes, notes].join("\n"),
        None => command.notes.to_owned(),
    };
    Command::new(command.name)
        .about(command.summary)
        .args(operands)
        .args(about)
        .args(command.options.iter().map(option))
        .after_help(notes.trim_start().to_owned())
}

fn option(option: &CommandOption) -> Arg {
    let help = match option.default {
        Some(default) => format!("{} [default: {default}]", option.help),
        None => option.help.to_owned(),
    };
    let arg = Arg::new(option.long).long(option.long).help(help);
    let Some(value) = option.value else {
        return arg.action(ArgAction::SetTrue);
    };
    let arg = arg.value_name(value).action(if option.repeats {
        ArgAction::Append
    } else {
        ArgAction::Set
    });
    if option.is_path {
        return arg.value_parser(ValueParser::os_string());
    }
    let check = option.check;
    arg.value_parser(move |text: &str| check(text).map(|()| OsString::from(text)))
}

fn given(command: &command::Command, matches: &ArgMatches) -> CommandInput {
    let mut given = CommandInput::default();
    for option in command.options {
        if option.value.is_none() {
            if matches.get_flag(option.long) {
                given = given.flag(option.long);
            }
            continue;
        }
        let values = matches.get_many::<OsString>(option.long);
        for value in values.into_iter().flatten() {
            given = given.option(option.long, value);
        }
    }
    let operands = command.operands.as_ref();
    let words = operands.and_then(|operands| matches.get_many::<OsString>(operands.name));
    words
        .into_iter()
        .flatten()
        .fold(given, CommandInput::operand)
}
