//! The commands of the program: their names, options, operands and summaries.

use super::Identity;
use crate::client::Argument;
use crate::run::settings::{DEFAULT_LISTEN, SETTINGS, Setting, SettingKind};
#[cfg(feature = "tools")]
use crate::run::tools;
use crate::run::user_options::UserOption;
use std::borrow::Cow;

/// A command, or the program itself.
#[derive(Debug)]
pub(super) struct CommandSpec {
    /// The word on the command line; empty for the program itself.
    pub(super) name: &'static str,
    pub(super) summary: Cow<'static, str>,
    pub(super) options: Vec<OptionSpec>,
    pub(super) operands: Vec<OperandSpec>,
    /// More lines for the end of the help.
    pub(super) notes: Cow<'static, str>,
    /// The level that is logged by default.
    log: &'static str,
}

/// An option of a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum OptionSpec {
    Setting(&'static Setting),
    /// One of the program's own.
    User(&'static UserOption),
    Json,
    #[cfg(feature = "tools")]
    Tool(&'static spoa_tools::command::CommandOption),
}

/// An operand of a command: a word that is not an option.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperandSpec {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) required: bool,
    pub(super) repeats: bool,
    /// An option that makes the operand optional; empty if no option does.
    pub(super) unless: &'static str,
}

/// Commands that the feature `tools` brings.
pub(super) const TOOLS: [&str; 5] = ["config", "dev", "doctor", "docs", "explain"];

/// Commands that the feature `options` brings.
pub(super) const MANUAL: [&str; 2] = ["completions", "man"];

const NOTES: &str = "\
Each option may be given in the environment: --max-in-flight as SPOA_MAX_IN_FLIGHT, and so on; in
SPOA_LISTEN and SPOA_ALLOW, separate several with commas.
";

/// The order of the places that an option is read from.
const PRECEDENCE: &str = if cfg!(feature = "options") {
    "Precedence: command line, environment, file of --config, program, default.\n"
} else {
    "Precedence: command line, environment, program, default.\n"
};

const NOTATION: &str = "\
ADDRESS is IP:PORT, :PORT, unix@PATH[,mode=660][,user=U][,group=G] or abns@NAME. NETWORK is written as
10.0.0.0/8. TIME is a number and a unit: 500us, 20ms, 1s, 5m, 1h. BYTES may end in k, m or g.
FILTER is off, error, warn, info, debug or trace, and TARGET=LEVEL for parts, separated by commas, such
as info,spoa::values=trace. Targets are spoa::values (messages and answers, at trace), spoa::failures
(failed messages), spoa::connection (connections), spoa::spans (what --spans adds), spoa (all lines of
the agent) and the crates of the program. RUST_LOG is not read.";

/// The settings that say where the agent can be asked.
const PROBE: [&str; 5] = ["listen", "admin", "config", "tls-cert", "log"];

/// The settings that make a difference to `call`.
const CALL: [&str; 6] = [
    "log",
    "log-format",
    "spans",
    "config",
    "handler-timeout",
    "max-frame-size",
];

/// The settings that are part of the agent's description.
const DESCRIPTION: [&str; 6] = [
    "listen",
    "config",
    "tls-cert",
    "tls-client-ca",
    "handler-timeout",
    "max-frame-size",
];

/// The settings that make a difference to `dev`.
#[cfg(feature = "tools")]
const DEV: [&str; 9] = [
    "listen",
    "workers",
    "admin",
    "log",
    "log-format",
    "spans",
    "config",
    "handler-timeout",
    "max-frame-size",
];

/// Returns the program without a command.
pub(super) fn program(program: &Identity<'_>) -> CommandSpec {
    let answers = match program.messages.as_slice() {
        [] => String::new(),
        messages => format!(", answers `{}`", messages.join("`, `")),
    };
    CommandSpec {
        summary: format!("SPOE agent for HAProxy{answers}").into(),
        notes: format!("{NOTES}{PRECEDENCE}{NOTATION}").into(),
        ..spec("", "", all(program), "info")
    }
}

/// Returns the commands in the order of the help.
pub(super) fn commands(program: &Identity<'_>) -> Vec<CommandSpec> {
    let mut commands = vec![
        spec(
            "serve",
            "Serve until SIGTERM, SIGINT or SIGUSR1 (default)",
            all(program),
            "info",
        ),
        CommandSpec {
            notes:
                "Exit status: 0 if `serve` could start, 1 if not, 2 for a mistake in the options."
                    .into(),
            ..spec(
                "check",
                "Build the agent as `serve` does, without listening",
                all(program),
                "warn",
            )
        },
        CommandSpec {
            notes: "Exit status: 0 if the agent is ready, 1 if not. With `--admin`, the command asks `/readyz` there,\n\
                    else it does HAProxy's health check at each address of `--listen`."
                .into(),
            ..spec(
                "probe",
                "Ask the running agent whether it is ready",
                some(&PROBE).collect(),
                "warn",
            )
        },
        spec(
            "handlers",
            "List the messages, their arguments and variables",
            json_and(&DESCRIPTION),
            "warn",
        ),
        CommandSpec {
            operands: vec![
                OperandSpec {
                    name: "MESSAGE",
                    help: "Name of the message, as after `spoe-message` in spoe.conf",
                    required: true,
                    repeats: false,
                    unless: "",
                },
                OperandSpec {
                    name: "ARG",
                    help: "name=value; =value, or a value alone, has no name",
                    required: false,
                    repeats: true,
                    unless: "",
                },
            ],
            notes: Argument::SYNTAX.into(),
            ..spec(
                "call",
                "Send one message to the handlers and print the actions",
                json_and(&CALL).into_iter().chain(user(program)).collect(),
                "warn",
            )
        },
    ];
    #[cfg(feature = "options")]
    commands.extend([
        CommandSpec {
            operands: vec![OperandSpec {
                name: "SHELL",
                help: "bash, fish or zsh",
                required: true,
                repeats: false,
                unless: "",
            }],
            ..spec(
                "completions",
                "Print completions for a shell",
                Vec::new(),
                "warn",
            )
        },
        spec("man", "Print the manual page", Vec::new(), "warn"),
    ]);
    #[cfg(feature = "tools")]
    commands.extend(tools::COMMANDS.iter().map(|command| {
        let settings: &[&str] = match command.name {
            "dev" => &DEV,
            // It is about any agent.
            "explain" => &[],
            _ => &DESCRIPTION,
        };
        let options = command.options.iter().map(OptionSpec::Tool);
        let options = options.chain(user(program).filter(|_| command.name == "dev"));
        let operands = command.operands.iter().map(|operands| OperandSpec {
            name: operands.name,
            help: operands.help,
            required: operands.required,
            repeats: true,
            unless: operands.unless,
        });
        CommandSpec {
            operands: operands.collect(),
            notes: command.notes.into(),
            ..spec(
                command.name,
                command.summary,
                options.chain(some(settings)).collect(),
                "warn",
            )
        }
    }));
    let named = |name: &&str| {
        let at = commands.iter().position(|command| command.name == *name)?;
        Some(commands.swap_remove(at))
    };
    ORDER.iter().filter_map(named).collect()
}

/// The order of the commands in the help.
const ORDER: [&str; 12] = [
    "serve",
    "check",
    "probe",
    "handlers",
    "config",
    "dev",
    "doctor",
    "docs",
    "call",
    "explain",
    "completions",
    "man",
];

fn spec(
    name: &'static str,
    summary: &'static str,
    options: Vec<OptionSpec>,
    log: &'static str,
) -> CommandSpec {
    CommandSpec {
        name,
        summary: summary.into(),
        options,
        operands: Vec::new(),
        notes: "".into(),
        log,
    }
}

/// Returns the program's own options and those of every agent.
fn all(program: &Identity<'_>) -> Vec<OptionSpec> {
    user(program)
        .chain(SETTINGS.iter().map(OptionSpec::Setting))
        .collect()
}

/// Returns the program's own options.
fn user(program: &Identity<'_>) -> impl Iterator<Item = OptionSpec> + use<> {
    program.user.iter().map(OptionSpec::User)
}

fn some(names: &[&str]) -> impl Iterator<Item = OptionSpec> {
    let settings = SETTINGS.iter();
    let settings = settings.filter(|setting| names.contains(&setting.long));
    settings.map(OptionSpec::Setting)
}

fn json_and(names: &[&str]) -> Vec<OptionSpec> {
    [OptionSpec::Json].into_iter().chain(some(names)).collect()
}

impl OptionSpec {
    /// Returns whether a name on the command line, without its dashes, is that of this option.
    pub(super) fn is_called(self, name: &str) -> bool {
        match self {
            OptionSpec::User(option) => {
                option.long == name || option.aliases.iter().any(|alias| alias == name)
            }
            _ => self.long() == name,
        }
    }

    /// Returns the letter of the option.
    pub(super) fn short(self) -> Option<char> {
        match self {
            OptionSpec::User(option) => option.short,
            _ => None,
        }
    }

    /// Returns whether the value may be left out.
    pub(super) fn value_is_optional(self) -> bool {
        matches!(self, OptionSpec::User(option) if option.value_is_optional)
    }

    /// Returns whether the help leaves the option out.
    pub(super) fn is_hidden(self) -> bool {
        matches!(self, OptionSpec::User(option) if option.hidden)
    }

    /// Returns the option without its dashes.
    pub(super) fn long(self) -> &'static str {
        match self {
            OptionSpec::Setting(setting) => setting.long,
            OptionSpec::User(option) => &option.long,
            OptionSpec::Json => "json",
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => option.long,
        }
    }

    /// Returns the name of the value; `None` for a flag.
    pub(super) fn value(self) -> Option<&'static str> {
        match self {
            OptionSpec::Setting(setting) => Some(setting.value),
            OptionSpec::User(option) => option.value.as_deref(),
            OptionSpec::Json => None,
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => option.value,
        }
    }

    /// Returns whether the option may be given more than once.
    pub(super) fn repeats(self) -> bool {
        match self {
            OptionSpec::Setting(setting) => setting.repeats(),
            OptionSpec::User(option) => option.repeats,
            OptionSpec::Json => false,
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => option.repeats,
        }
    }

    /// Returns whether the value is a path, which need not be UTF-8.
    pub(super) fn is_path(self) -> bool {
        match self {
            OptionSpec::Setting(_) | OptionSpec::Json => false,
            // clap finds what is wrong with the values.
            OptionSpec::User(_) => true,
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => option.is_path,
        }
    }

    /// Says what is wrong with a value.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        match self {
            OptionSpec::Setting(setting) => setting.parse(text).map(drop),
            OptionSpec::User(_) | OptionSpec::Json => Ok(()),
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => (option.check)(text),
        }
    }

    /// Returns the heading in the help.
    pub(super) fn group(self) -> &'static str {
        match self {
            OptionSpec::Setting(setting) => setting.group,
            OptionSpec::User(option) => &option.group,
            OptionSpec::Json => "Options",
            #[cfg(feature = "tools")]
            OptionSpec::Tool(_) => "Options",
        }
    }

    /// Returns the help, with the default.
    pub(super) fn help(self, program: &Identity<'_>, command: &CommandSpec) -> String {
        let (help, default) = match self {
            OptionSpec::Setting(setting) => {
                (setting.help, Some(default(setting, program, command.log)))
            }
            OptionSpec::User(option) => (option.help.as_str(), None),
            OptionSpec::Json => ("Output as JSON", None),
            #[cfg(feature = "tools")]
            OptionSpec::Tool(option) => (option.help, option.default.map(str::to_owned)),
        };
        match default {
            Some(default) => format!("{help} [default: {default}]"),
            None => help.to_owned(),
        }
    }
}

fn default(setting: &Setting, program: &Identity<'_>, log: &str) -> String {
    match setting.kind {
        SettingKind::Listen if program.listen.is_empty() => DEFAULT_LISTEN.to_owned(),
        SettingKind::Listen => program.listen.join(","),
        SettingKind::Allow => "all".to_owned(),
        SettingKind::TlsCert | SettingKind::TlsClientCa => "none".to_owned(),
        SettingKind::TlsKey => "in the file of the certificate".to_owned(),
        SettingKind::TlsMinVersion => "1.2".to_owned(),
        SettingKind::Workers => "one for each CPU".to_owned(),
        SettingKind::Log => log.to_owned(),
        SettingKind::LogFormat => "text".to_owned(),
        SettingKind::Spans => "off".to_owned(),
        #[cfg(feature = "admin")]
        SettingKind::Admin => "none".to_owned(),
        #[cfg(feature = "admin")]
        SettingKind::Ready => "serving".to_owned(),
        #[cfg(feature = "options")]
        SettingKind::Config => "none".to_owned(),
        _ => setting.default().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_commands_of_the_feature_tools_is_complete() {
        for name in TOOLS {
            let known = commands(&Identity::default())
                .iter()
                .any(|command| command.name == name);
            assert_eq!(known, cfg!(feature = "tools"), "{name}");
        }
        assert!(
            commands(&Identity::default())
                .iter()
                .all(|it| ORDER.contains(&it.name))
        );
    }

    #[test]
    fn the_list_of_commands_of_the_feature_options_is_complete() {
        for name in MANUAL {
            let known = commands(&Identity::default())
                .iter()
                .any(|command| command.name == name);
            assert_eq!(known, cfg!(feature = "options"), "{name}");
        }
    }

    #[test]
    fn summaries_and_helps_have_at_most_60_columns() {
        for command in commands(&Identity::default()) {
            let short = |text: &str| {
                assert!(text.chars().count() <= 60, "`{text}` is too long");
            };
            short(&command.summary);
            command.operands.iter().for_each(|it| short(it.help));
            for option in &command.options {
                #[cfg(feature = "tools")]
                if let OptionSpec::Tool(option) = option {
                    short(option.help);
                }
                let _ = option;
            }
        }
    }
}
