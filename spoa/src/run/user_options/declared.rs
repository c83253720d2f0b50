//! A type of options that clap knows: its options as plain data, and its value from what was given.

use super::{GivenOption, OptionOrigin, Shared, UserOption, UserOptions};
use crate::run::secrets::HIDDEN;
use clap::builder::{OsStr as Variable, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::any::type_name;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

/// A type that `options = …` of `run!` takes: `#[derive(clap::Args)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type of options",
    label = "does not implement `clap::Args`",
    note = "write `#[derive(clap::Args)]` above the type, with clap 4 and its feature `derive`"
)]
pub trait OptionsType: clap::Args + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: clap::Args + Send + Sync + 'static> OptionsType for T {}

/// A type of options, as clap describes it.
#[derive(Debug)]
pub(super) struct Declared {
    command: Command,
    read: fn(&Command, Vec<OsString>) -> Result<Shared, clap::Error>,
}

impl UserOptions {
    /// Describes the options of a type, for an agent of this name.
    pub(in crate::run) fn declared<T: OptionsType>(agent: &str) -> Result<Self, String> {
        let mut command = T::augment_args(Command::new("agent").no_binary_name(true));
        command.build();
        let heading = format!("Options of {agent}");
        let mut options = Vec::new();
        let shown = short_name::<T>();
        if command.get_subcommands().any(|it| it.get_name() != "help") {
            return Err(format!(
                "options `{shown}`: a subcommand is not an option: remove it"
            ));
        }
        for arg in command.get_arguments() {
            if matches!(
                arg.get_action(),
                ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
            ) {
                continue;
            }
            options.push(option(arg, &heading).map_err(|problem| {
                format!("options `{shown}`: field `{}` {problem}", arg.get_id())
            })?);
        }
        // The environment is read by us: an empty variable is an absent one, and files come after it.
        let command = T::augment_args(Command::new("agent").no_binary_name(true))
            .mut_args(|arg| arg.env(Resettable::<Variable>::Reset));
        Ok(UserOptions {
            options: options.leak(),
            declared: Some(Declared {
                command,
                read: |command, words| {
                    let mut matches = command.clone().try_get_matches_from(words)?;
                    Ok(Arc::new(T::from_arg_matches_mut(&mut matches)?))
                },
            }),
        })
    }

    /// Makes the value of the type. An error is what to print.
    pub(in crate::run) fn parse(
        &self,
        called: &str,
        usage: &str,
        given: &[GivenOption],
    ) -> Result<Option<Shared>, String> {
        let Some(declared) = &self.declared else {
            return Ok(None);
        };
        let mut words = Vec::new();
        for given in given {
            words_of(given, &mut words)?;
        }
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let command = declared.command.clone().name(called.to_owned());
        let command = command.override_usage(usage);
        let read = (declared.read)(&command, words);
        read.map(Some).map_err(|error| problem(&error, given))
    }
}

/// Describes one option.
fn option(arg: &Arg, heading: &str) -> Result<UserOption, String> {
    let Some(long) = arg.get_long() else {
        return Err("is not an option with a long name: write `#[arg(long)]` above it".to_owned());
    };
    let takes_value = arg.get_action().takes_values();
    let values = arg.get_num_args().unwrap_or_default();
    if takes_value
        && (values.min_values() > 1 || (values.max_values() > 1 && values.min_values() != 1))
    {
        return Err(
            "takes more than one value at a time: let each have an option of its own, in a `Vec`"
                .to_owned(),
        );
    }
    let env = match arg.get_env() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => format!("SPOA_{}", long.replace('-', "_").to_uppercase()),
    };
    let names = arg.get_value_names().unwrap_or_default();
    let value = names
        .first()
        .map_or_else(|| long.to_uppercase(), ToString::to_string);
    Ok(UserOption {
        long: long.to_owned(),
        aliases: arg
            .get_all_aliases()
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        short: arg.get_short(),
        value: takes_value.then_some(value),
        value_is_optional: takes_value && values.min_values() == 0,
        help: help(arg, &env),
        group: arg.get_help_heading().unwrap_or(heading).to_owned(),
        hidden: arg.is_hide_set(),
        repeats: matches!(arg.get_action(), ArgAction::Append | ArgAction::Count),
        env,
        secret: arg.is_hide_env_values_set(),
        delimiter: arg.get_value_delimiter(),
    })
}

/// Returns the help, with the default, the possible values and the variable, as clap adds them.
fn help(arg: &Arg, env: &str) -> String {
    let mut parts = Vec::new();
    if let Some(help) = arg.get_help() {
        parts.push(help.to_string());
    }
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    let hidden = arg.is_hide_default_value_set() || arg.is_hide_env_values_set();
    if arg.get_action().takes_values() && !defaults.is_empty() && !hidden {
        parts.push(format!("[default: {}]", defaults.join(",")));
    }
    let possible = arg.get_possible_values();
    let possible = possible.iter().filter(|value| !value.is_hide_set());
    let possible: Vec<_> = possible.map(|value| value.get_name()).collect();
    if arg.get_action().takes_values() && !possible.is_empty() && !arg.is_hide_possible_values_set()
    {
        parts.push(format!("[possible values: {}]", possible.join(", ")));
    }
    // The help says once how variables are named.
    if !env.starts_with("SPOA_") && !arg.is_hide_env_set() {
        parts.push(format!("[env: {env}]"));
    }
    parts.join(" ")
}

/// Adds an option to the words for clap.
fn words_of(given: &GivenOption, words: &mut Vec<OsString>) -> Result<(), String> {
    let option = given.option;
    let flag = format!("--{}", option.long);
    for value in &given.values {
        if option.value.is_some() {
            if option.value_is_optional && value.is_empty() {
                words.push(flag.clone().into());
                continue;
            }
            let mut word = OsString::from(format!("{flag}="));
            word.push(value);
            words.push(word);
            continue;
        }
        if given.origin == OptionOrigin::CommandLine {
            words.push(flag.clone().into());
            continue;
        }
        let times = match value.to_str() {
            Some("true") => 1,
            Some("false") => 0,
            Some(number) if option.repeats => number.parse::<u8>().map_err(|_| {
                invalid(
                    value,
                    &given.origin.of(&option.long),
                    "write a number up to 255",
                )
            })?,
            _ => {
                return Err(invalid(
                    value,
                    &given.origin.of(&option.long),
                    "write `true` or `false`",
                ));
            }
        };
        words.extend((0..times).map(|_| OsString::from(&flag)));
    }
    Ok(())
}

/// Returns an error of a value as all options have it.
fn invalid(value: &OsStr, of: &str, problem: &str) -> String {
    format!(
        "error: invalid value '{}' {of}: {problem}\n\nFor more information, try '--help'.\n",
        value.to_string_lossy()
    )
}

/// Returns clap's error, with the place of a value that is not on the command line.
fn problem(error: &clap::Error, given: &[GivenOption]) -> String {
    let text = error.render().to_string();
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.trim_start_matches('-'),
        _ => return text,
    };
    let long = argument.split([' ', '=']).next().unwrap_or_default();
    let named = given.iter().find(|given| given.option.long == long);
    let shows_value =
        |given: &&GivenOption| given.origin == OptionOrigin::CommandLine && !given.option.secret;
    let Some(given) = named.filter(|given| !shows_value(given)) else {
        return text;
    };
    let of = match given.origin {
        OptionOrigin::CommandLine => format!("for '--{argument}'"),
        _ => given.origin.of(long),
    };
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let problem = match error.kind() {
        ErrorKind::ValueValidation => std::error::Error::source(error).map(ToString::to_string),
        ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(valid)) => Some(format!(
                "write {}",
                spoa_facts::one_of(valid.iter().map(String::as_str))
            )),
            _ => None,
        },
        _ => None,
    };
    let secret = given.option.secret && !value.is_empty();
    match problem {
        // A parser may show the value that it was given.
        Some(problem) if secret && !problem.contains(value) => {
            invalid(OsStr::new(HIDDEN), &of, &problem)
        }
        _ if secret => invalid(
            OsStr::new(HIDDEN),
            &of,
            "the reason has the value in it, and is not shown",
        ),
        Some(problem) => invalid(OsStr::new(value), &of, &problem),
        // The first line is clap's.
        None => {
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            format!("{first}: the value {of}\n{rest}")
        }
    }
}

/// Returns the name of a type without its path.
fn short_name<T>() -> &'static str {
    type_name::<T>().rsplit("::").next().unwrap_or_default()
}
