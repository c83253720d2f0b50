//! `spop new`: makes the project of an agent, from its source to its deployment.

mod fill;
#[cfg(test)]
mod hook;
mod kind;
mod layout;
mod name;
mod project;

use crate::failure::Failure;
use crate::output::print;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use kind::Kind;
use project::Project;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn command() -> Command {
    Command::new("new")
        .about("Create a project for a new agent: source, tests, HAProxy's files, deployment")
        .arg(
            Arg::new("PATH")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Folder to create; its last part is the agent's name"),
        )
        .arg(
            Arg::new("kind")
                .long("kind")
                .value_name("KIND")
                .default_value("verdict")
                .value_parser(PossibleValuesParser::new(Kind::NAMES))
                .help("Kind of the agent, listed below"),
        )
        .arg(
            Arg::new("spoa")
                .long("spoa")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .help("Folder `spoa` of a clone of the library, instead of crates.io"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("List the files without creating them"),
        )
        .after_help(format!(
            "Kinds:\n{}\nThe name of the agent is also that of its program, of HAProxy's engine, of the Debian \
             package and\nof the objects of Kubernetes, so it has lower-case letters, digits and `-` only.\n\n\
             Example:\n  spop new my-agent --kind geo && cd my-agent && cargo run -- dev",
            Kind::list()
        ))
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let path = matches.get_one::<PathBuf>("PATH").cloned();
    let kind = Kind::named(&crate::text(matches, "kind"));
    let library = matches.get_one::<PathBuf>("spoa");
    let project = Project::new(
        &path.unwrap_or_default(),
        kind,
        library.map(PathBuf::as_path),
    )?;
    let mut warnings = if matches.get_flag("dry-run") {
        Vec::new()
    } else {
        project.make()?
    };
    warnings.extend(project.unpublished());
    print(&project.report(matches.get_flag("dry-run")))?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}
