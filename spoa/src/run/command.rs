//! The command line as clap knows it: commands, options, help.
//!
//! It must not know what was given, nor what the environment says.

use super::settings::{DEFAULT_LISTEN, Kind, SETTINGS, Setting};
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};

/// What the help says about the program.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'static str,
    pub(super) listen: &'a [&'static str],
    pub(super) messages: Vec<&'static str>,
}

/// The command line as clap knows it.
pub(super) fn command(about: &About<'_>) -> Command {
    let answers = match about.messages.as_slice() {
        [] => String::new(),
        messages => format!(", answers `{}`", messages.join("`, `")),
    };
    Command::new(about.name.to_owned())
        .version(about.version)
        .about(format!("SPOE agent for HAProxy{answers}"))
        .after_help(
            "Each option is read from the environment too: --max-inflight from SPOA_MAX_INFLIGHT, \
             and so on;\nSPOA_LISTEN and SPOA_ALLOW take several with commas between. The command \
             line holds before the\nenvironment, that before what the program itself says, that \
             before the default.\n\
             TIME is a number and a unit: 500us, 20ms, 1s, 5m, 1h. BYTES may end in k, m or g.\n\
             FILTER is a level and, with commas between, TARGET=LEVEL for parts, such as \
             info,spoa::values=trace.\nTargets are spoa::values (messages and answers, at trace), \
             spoa::failures (messages without actions),\nspoa (all that the agent says) and the \
             crates of the program. RUST_LOG is not read.",
        )
        .disable_help_subcommand(true)
        .args(SETTINGS.iter().map(|setting| arg(setting, about, "info")))
        .subcommand(
            Command::new("serve")
                .about("Serve until SIGTERM, SIGINT or SIGUSR1 (what happens without a command)")
                .args(SETTINGS.iter().map(|setting| arg(setting, about, "info"))),
        )
        .subcommand(
            Command::new("handlers")
                .about("List the messages, their arguments, the variables set, and where")
                .arg(json()),
        )
        .subcommand(super::config::command().args(some(&WIRING, about)))
        .subcommand(super::dev::command().args(some(&DEV, about)))
        .subcommand(super::doctor::command().args(some(&WIRING, about)))
        .subcommand(
            Command::new("docs")
                .about(
                    "Print a page of Markdown about the messages, their arguments, the variables",
                )
                .args(some(&DOCS, about)),
        )
        .subcommand(
            Command::new("call")
                .about("Send one message to the handlers, without HAProxy, and print the actions")
                .arg(
                    Arg::new("MESSAGE")
                        .required(true)
                        .help("The message, as named after `spoe-message` in spoe.conf"),
                )
                .arg(
                    Arg::new("ARG")
                        .num_args(0..)
                        .allow_negative_numbers(true)
                        .value_parser(ValueParser::os_string())
                        .help("name=value; =value or a value alone is an unnamed argument"),
                )
                .arg(json())
                .args(some(&CALL, about))
                .after_help(crate::client::Argument::SYNTAX),
        )
}

/// What of the settings makes a difference to `call`.
const CALL: [&str; 3] = ["log", "handler-timeout", "max-frame-size"];

/// What of them makes a difference to what is written about the agent.
const DOCS: [&str; 3] = ["listen", "handler-timeout", "max-frame-size"];

/// What of them makes a difference to HAProxy's side.
const WIRING: [&str; 5] = [
    "listen",
    "tls-cert",
    "tls-client-ca",
    "handler-timeout",
    "max-frame-size",
];

/// What of them makes a difference to `dev`.
const DEV: [&str; 5] = [
    "listen",
    "workers",
    "log",
    "handler-timeout",
    "max-frame-size",
];

fn some(names: &[&str], about: &About<'_>) -> Vec<Arg> {
    let settings = SETTINGS.iter();
    let settings = settings.filter(|setting| names.contains(&setting.long));
    // The commands that do not serve print what they are asked for, and log problems only.
    settings
        .map(|setting| arg(setting, about, "warn"))
        .collect()
}

pub(super) fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON")
}

fn arg(setting: &Setting, about: &About<'_>, log: &str) -> Arg {
    let action = match setting.kind {
        Kind::Listen | Kind::Allow => ArgAction::Append,
        _ => ArgAction::Set,
    };
    let default = match setting.kind {
        Kind::Listen if about.listen.is_empty() => DEFAULT_LISTEN.to_owned(),
        Kind::Listen => about.listen.join(","),
        Kind::Allow => "everybody".to_owned(),
        Kind::TlsCert | Kind::TlsClientCa => "none".to_owned(),
        Kind::TlsKey => "in the file of the certificate".to_owned(),
        Kind::TlsMinVersion => "1.2".to_owned(),
        Kind::Workers => "one for each CPU".to_owned(),
        Kind::Log => log.to_owned(),
        _ => setting.default().unwrap_or_default(),
    };
    let parser = *setting;
    Arg::new(setting.long)
        .long(setting.long)
        .value_name(setting.value)
        .action(action)
        .value_parser(move |text: &str| parser.parse(text))
        .help_heading(setting.group)
        .help(format!("{} [default: {default}]", setting.help))
}
