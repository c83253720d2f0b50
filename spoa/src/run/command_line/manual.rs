//! Completions for shells, and the manual page: the tables of the command line, as clap's crates write them.

use super::Identity;
use super::commands::{CommandSpec, OperandSpec, OptionSpec, commands, program};
use super::help::usage;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::io;

/// The shells that a test completes words in.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

/// Returns the completions for a shell.
pub(in crate::run) fn completions(about: &Identity<'_>, shell: &str) -> Result<String, String> {
    let known = SHELLS.into_iter().find(|known| known.to_string() == shell);
    let shell = known.ok_or_else(|| {
        format!("`{shell}` is not a shell that is known here: write `bash`, `fish` or `zsh`")
    })?;
    let commands = commands(about);
    let mut command = command(about, &program(about)).version(about.version);
    command = command.subcommands(commands.iter().map(|spec| self::command(about, spec)));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, about.called, &mut script);
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Returns the manual page, in the format of `man`.
pub(in crate::run) fn page(about: &Identity<'_>) -> io::Result<String> {
    let program = program(about);
    let source = format!("{} {}", about.name, about.version);
    let man = Man::new(command(about, &program)).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut heading = Roff::new();
    heading.control("SH", ["COMMANDS"]);
    heading.to_writer(&mut page)?;
    for spec in commands(about) {
        section(about, &program, &spec, &mut page)?;
    }
    man.render_extra_section(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes the part of the manual page about a command.
fn section(
    about: &Identity<'_>,
    program: &CommandSpec,
    spec: &CommandSpec,
    page: &mut Vec<u8>,
) -> io::Result<()> {
    let usage = usage(about, spec);
    let mut text = Roff::new();
    text.control("SS", [usage.trim_start_matches("Usage: ")]);
    text.text([roman(format!("{}.", spec.summary))]);
    let names = |spec: &CommandSpec| -> Vec<_> {
        let options = spec.options.iter();
        options.map(|option| option.long()).collect()
    };
    let all = names(spec) == names(program);
    if all {
        text.control("PP", []);
        text.text([roman("It takes the options above.")]);
    }
    if !spec.notes.is_empty() {
        text.control("PP", []);
        text.text([roman(spec.notes.clone())]);
    }
    text.to_writer(page)?;
    if !all {
        let mut options = Vec::new();
        Man::new(command(about, spec)).render_options_section(&mut options)?;
        // The sections of a page of its own are one part of this page.
        let options = String::from_utf8_lossy(&options);
        let lines = options.lines().filter(|line| !line.starts_with(".SH"));
        page.extend(lines.flat_map(|line| [line, "\n"]).flat_map(str::bytes));
    }
    Ok(())
}

/// Describes a command, or the program itself, to clap.
fn command(about: &Identity<'_>, spec: &CommandSpec) -> Command {
    let name = match spec.name {
        "" => about.called,
        name => name,
    };
    let options = spec.options.iter().filter(|option| !option.is_hidden());
    let usage = usage(about, spec);
    Command::new(name.to_owned())
        .about(spec.summary.clone().into_owned())
        .after_help(spec.notes.clone().into_owned())
        .override_usage(usage.trim_start_matches("Usage: ").to_owned())
        .disable_help_subcommand(true)
        .args(options.map(|option| described(about, spec, *option)))
        .args(spec.operands.iter().map(|it| operand(about, it)))
}

fn described(about: &Identity<'_>, spec: &CommandSpec, option: OptionSpec) -> Arg {
    let arg = Arg::new(option.long())
        .long(option.long())
        .short(option.short())
        .help(option.help(about, spec));
    let arg = match option.group() {
        "Options" => arg,
        group => arg.help_heading(group),
    };
    let Some(value) = option.value() else {
        return arg.action(ArgAction::SetTrue);
    };
    let arg = arg.value_name(value).action(if option.repeats() {
        ArgAction::Append
    } else {
        ArgAction::Set
    });
    let arg = if option.value_is_optional() {
        arg.num_args(0..=1).require_equals(true)
    } else {
        arg
    };
    hinted(arg, value)
}

fn operand(about: &Identity<'_>, operand: &OperandSpec) -> Arg {
    let arg = Arg::new(operand.name)
        .help(operand.help)
        .required(operand.required && operand.unless.is_empty());
    let arg = match operand.name {
        "SHELL" => arg.value_parser(PossibleValuesParser::new(
            SHELLS.map(|shell| shell.to_string()),
        )),
        // The names are those of the program, which lives as long as this process.
        "MESSAGE" if !about.messages.is_empty() => {
            arg.value_parser(PossibleValuesParser::new(about.messages.clone()))
        }
        name => hinted(arg, name),
    };
    if operand.repeats {
        arg.num_args(1..)
    } else {
        arg
    }
}

/// Says which values a shell may complete.
fn hinted(arg: Arg, value: &str) -> Arg {
    match value {
        "FILE" => arg.value_hint(ValueHint::FilePath),
        "DIR" => arg.value_hint(ValueHint::DirPath),
        _ => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_have_the_commands_the_options_and_the_messages() {
        let about = Identity {
            messages: vec!["get-ip-reputation"],
            ..Identity::default()
        };
        for shell in ["bash", "fish", "zsh"] {
            let script = completions(&about, shell).unwrap();
            for word in ["lame-duck", "handlers", "completions"] {
                assert!(script.contains(word), "{word} is not in {shell}");
            }
            let names = script.contains("get-ip-reputation");
            assert!(names || shell == "fish", "{shell}");
        }
        assert_eq!(
            completions(&about, "csh").unwrap_err(),
            "`csh` is not a shell that is known here: write `bash`, `fish` or `zsh`"
        );
    }

    #[test]
    fn the_manual_page_has_every_command_with_its_options() {
        let about = Identity::default();
        let page = page(&about).unwrap();
        assert!(page.contains(".TH agent 1"), "{page}");
        for command in commands(&about) {
            let heading = format!(".SS \"agent {} [OPTIONS]", command.name);
            assert!(page.contains(&heading), "{heading} is not in {page}");
            for option in &command.options {
                let long = option.long().replace('-', "\\-");
                assert!(page.contains(&long), "{long} is not in {page}");
            }
        }
        // Each section begins once.
        let sections: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with(".SH"))
            .collect();
        let mut unique = sections.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(sections.len(), unique.len(), "{sections:?}");
    }
}
