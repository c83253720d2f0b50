//! The command line, the environment and the file of options: what the program is asked to do, and how.

mod commands;
mod help;
mod identity;
#[cfg(feature = "options")]
pub(super) mod manual;
mod parse;
mod task;

pub(super) use identity::Identity;
pub(super) use parse::Stop;
pub(super) use task::Task;

use super::log::LogFormat;
use super::secrets::Secrets;
#[cfg(feature = "options")]
use super::settings::OptionsFile;
use super::settings::{
    DEFAULT_LISTEN, SETTINGS, Setting, SettingKind, SettingValue, addresses, from_environment,
    networks,
};
use super::user_options::{GivenOption, OptionOrigin, Shared, UserOption, UserOptions};
use crate::agent::Limits;
use commands::{OptionSpec, commands};
use parse::Line;
use std::ffi::OsString;

/// The task and the options.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) task: Task,
    given: Vec<(&'static Setting, Vec<SettingValue>)>,
    /// The value of the program's own options, for a task that makes an agent.
    user: Option<Shared>,
    /// The options on the command line that the program's own values come from, without their values.
    own: Vec<String>,
    secrets: Secrets,
}

/// The file of options: an empty one in a program without the feature.
#[cfg(not(feature = "options"))]
struct OptionsFile;

#[cfg(not(feature = "options"))]
impl OptionsFile {
    fn path(&self) -> &std::path::Path {
        std::path::Path::new("")
    }

    fn find(&self, _: &str) -> Option<(usize, &[String])> {
        None
    }
}

impl Options {
    /// Reads the command line, and the environment and the file for the options that are not on it. The
    /// first word is the name of the program.
    pub(super) fn read(
        program: &Identity<'_>,
        user: &UserOptions,
        words: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Stop> {
        let line = parse::parse(program, words.into_iter().skip(1).collect())?;
        let refuse = |problem: String| parse::refuse_elsewhere(program, &problem);
        let file = file(program, &line, &env).map_err(refuse)?;
        let mut given = Vec::new();
        for setting in SETTINGS {
            let texts = line.values(setting.long).filter_map(|value| value.to_str());
            let mut values: Vec<_> = texts.filter_map(|text| setting.parse(text).ok()).collect();
            if let (true, Some(text)) = (values.is_empty(), env(setting.env)) {
                values.extend(from_environment(setting, &text).map_err(refuse)?);
            }
            if let (true, Some((line, texts))) = (values.is_empty(), file.find(setting.long)) {
                let origin = OptionOrigin::File(file.path().to_owned(), line);
                values = setting.parse_all(texts, &origin).map_err(refuse)?;
            }
            if !values.is_empty() {
                given.push((setting, values));
            }
        }
        let user_given = program.user.iter().filter_map(|option| {
            let (values, origin) = user_values(option, &line, &env, &file)?;
            Some(GivenOption {
                option,
                values,
                origin,
            })
        });
        let user_given: Vec<_> = user_given.collect();
        let secrets = Secrets::new(user_given.iter().flat_map(GivenOption::secrets));
        let usage = parse::usage(program, line.command);
        let on_the_line = |given: &&GivenOption| given.origin == OptionOrigin::CommandLine;
        let own = user_given.iter().filter(on_the_line);
        let own = own.map(|given| given.option.without_its_value());
        let has_a_file = !program.user.is_empty() && line.values("config").next().is_some();
        let file_option = has_a_file.then(|| "--config …".to_owned());
        let own = file_option.into_iter().chain(own).collect();
        let task = Task::of(line);
        let user = if task.makes_an_agent() {
            let made = user.parse(program.called, &usage, &user_given);
            made.map_err(|text| Stop::Refuse(secrets.hide(text).into_owned()))?
        } else {
            None
        };
        Ok(Options {
            task,
            given,
            user,
            own,
            secrets,
        })
    }

    /// Returns the options on the command line that the program's own values come from, without their values: its own
    /// options, and the file of options.
    pub(super) fn own_on_the_command_line(&self) -> &[String] {
        &self.own
    }

    /// Returns the values of secret options.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns the value of the program's own options.
    pub(super) fn user(&self) -> Option<Shared> {
        self.user.clone()
    }

    /// Returns the addresses of the command line, the environment or the file.
    pub(super) fn asked_to_listen(&self) -> Vec<String> {
        let texts = self.texts(|kind| matches!(kind, SettingKind::Listen));
        texts.flat_map(addresses).collect()
    }

    /// Returns where to listen: as the user says, else as the program says, else by default.
    pub(super) fn listen(&self, program: &[&str]) -> Vec<String> {
        let asked = self.asked_to_listen();
        match (asked.as_slice(), program) {
            ([], []) => vec![DEFAULT_LISTEN.to_owned()],
            ([], program) => program
                .iter()
                .map(|address| (*address).to_owned())
                .collect(),
            _ => asked,
        }
    }

    /// Returns the networks whose peers may connect.
    pub(super) fn allow(&self) -> impl Iterator<Item = &str> {
        let texts = self.texts(|kind| matches!(kind, SettingKind::Allow));
        texts.flat_map(networks)
    }

    /// Returns the number of threads, if it is given.
    pub(super) fn workers(&self) -> Option<usize> {
        match self.find(|kind| matches!(kind, SettingKind::Workers)) {
            [.., SettingValue::Number(number)] => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Returns the address of the admin server, if it is given.
    #[cfg(feature = "admin")]
    pub(super) fn admin(&self) -> Option<&str> {
        self.text(|kind| matches!(kind, SettingKind::Admin))
    }

    /// Returns whether `/readyz` says 503 after a failed reload.
    #[cfg(feature = "admin")]
    pub(super) fn ready_needs_fresh_values(&self) -> bool {
        self.text(|kind| matches!(kind, SettingKind::Ready)) == Some("fresh")
    }

    /// Returns the filter of the log, if it is given.
    pub(super) fn log(&self) -> Option<&str> {
        self.text(|kind| matches!(kind, SettingKind::Log))
    }

    /// Returns the form of the log's lines.
    pub(super) fn log_format(&self) -> LogFormat {
        let text = self.text(|kind| matches!(kind, SettingKind::LogFormat));
        // The value was checked when it was read.
        text.map_or_else(LogFormat::default, |text| {
            LogFormat::read(text).unwrap_or_default()
        })
    }

    /// Returns whether handlers run in spans, if that is given.
    pub(super) fn spans(&self) -> Option<bool> {
        let text = self.text(|kind| matches!(kind, SettingKind::Spans))?;
        Some(text == "on")
    }

    /// Returns the value of an option that may be given once.
    pub(super) fn text(&self, wanted: impl Fn(SettingKind) -> bool) -> Option<&str> {
        self.texts(wanted).last()
    }

    /// Returns the largest frame, if it is given.
    pub(super) fn frame_size(&self) -> Option<u32> {
        match self.find(|kind| matches!(kind, SettingKind::Frame(_))) {
            [.., SettingValue::Number(number)] => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Sets the limits that are given and leaves the others alone.
    pub(super) fn apply(&self, limits: &mut Limits) {
        for (setting, values) in &self.given {
            for value in values {
                setting.apply(value, limits);
            }
        }
    }

    fn texts(&self, wanted: impl Fn(SettingKind) -> bool) -> impl Iterator<Item = &str> {
        let values = self.find(wanted).iter();
        values.filter_map(|value| match value {
            SettingValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    fn find(&self, wanted: impl Fn(SettingKind) -> bool) -> &[SettingValue] {
        let found = self.given.iter().find(|(setting, _)| wanted(setting.kind));
        found.map_or(&[], |(_, values)| values)
    }
}

/// Returns an option of the program's own that has the name of an option of every agent.
pub(super) fn taken(program: &Identity<'_>) -> Option<&'static str> {
    let commands = commands(program);
    let is_user = |option: &&OptionSpec| matches!(option, OptionSpec::User(_));
    let with_user = commands
        .iter()
        .filter(|command| command.options.iter().any(|it| is_user(&it)));
    let others = with_user.flat_map(|command| &command.options);
    let others = others.filter(|option| !is_user(option));
    let others: Vec<_> = others.map(|option| option.long()).collect();
    let user = program.user.iter().find(|option| {
        let mut names = option.aliases.iter().chain([&option.long]);
        names.any(|name| {
            others.contains(&name.as_str()) || ["help", "version"].contains(&name.as_str())
        })
    });
    user.map(|option| option.long.as_str())
}

/// Reads the file that `--config` names.
#[cfg(feature = "options")]
fn file(
    program: &Identity<'_>,
    line: &Line,
    env: &impl Fn(&str) -> Option<OsString>,
) -> Result<OptionsFile, String> {
    let named = line.values("config").last().map(ToOwned::to_owned);
    let named = named.or_else(|| env("SPOA_CONFIG"));
    let Some(path) = named.filter(|path| !path.is_empty()) else {
        return Ok(OptionsFile::default());
    };
    let settings = SETTINGS.iter().map(|setting| setting.long);
    let user = program.user.iter().map(|option| option.long.as_str());
    let known: Vec<_> = settings.chain(user).collect();
    OptionsFile::read(path.as_ref(), &known)
}

#[cfg(not(feature = "options"))]
fn file(
    _: &Identity<'_>,
    _: &Line,
    _: &impl Fn(&str) -> Option<OsString>,
) -> Result<OptionsFile, String> {
    Ok(OptionsFile)
}

/// Returns the values of one of the program's own options, and where they come from.
fn user_values(
    option: &UserOption,
    line: &Line,
    env: &impl Fn(&str) -> Option<OsString>,
    file: &OptionsFile,
) -> Option<(Vec<OsString>, OptionOrigin)> {
    let values: Vec<_> = line.values(&option.long).map(ToOwned::to_owned).collect();
    if !values.is_empty() {
        return Some((values, OptionOrigin::CommandLine));
    }
    // An empty variable is an absent one.
    if let Some(value) = env(&option.env).filter(|value| !value.is_empty()) {
        return Some((vec![value], OptionOrigin::Environment(option.env.clone())));
    }
    let (line, values) = file.find(&option.long)?;
    let values = values.iter().map(OsString::from).collect();
    Some((values, OptionOrigin::File(file.path().to_owned(), line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(line: &[&str], env: &[(&str, &str)]) -> Result<Options, String> {
        let about = Identity {
            listen: &["127.0.0.1:7"],
            messages: vec!["m"],
            ..Identity::default()
        };
        let args = ["agent"].iter().chain(line).map(OsString::from);
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        };
        Options::read(&about, &UserOptions::default(), args, env).map_err(|stop| match stop {
            Stop::Print(text) | Stop::Refuse(text) => text,
        })
    }

    fn limits(options: &Options) -> Limits {
        let mut limits = Limits::default();
        options.apply(&mut limits);
        limits
    }

    #[test]
    fn the_line_takes_precedence_over_the_environment_the_program_and_the_default() {
        let line = ["--listen", "127.0.0.1:1", "--listen=:2"];
        let env = [("SPOA_LISTEN", "127.0.0.1:3,unix@/a,mode=660")];
        let listen = |line: &[&str], env: &[(&str, &str)], program: &[&str]| {
            read(line, env).unwrap().listen(program)
        };
        assert_eq!(listen(&line, &env, &["127.0.0.1:7"]), ["127.0.0.1:1", ":2"]);
        assert_eq!(
            listen(&[], &env, &["127.0.0.1:7"]),
            ["127.0.0.1:3", "unix@/a,mode=660"]
        );
        assert_eq!(
            listen(&[], &[], &["127.0.0.1:7", ":8"]),
            ["127.0.0.1:7", ":8"]
        );
        assert_eq!(listen(&[], &[], &[]), ["127.0.0.1:12345"]);
        assert_eq!(
            listen(&[], &[("SPOA_LISTEN", "")], &[]),
            ["127.0.0.1:12345"]
        );
    }

    #[test]
    fn networks_are_given_one_by_one_or_with_commas() {
        let line = ["--allow", "10.0.0.0/8", "--allow=::1, 192.0.2.7"];
        let options = read(&line, &[("SPOA_ALLOW", "203.0.113.0/24")]).unwrap();
        let networks: Vec<_> = options.allow().collect();
        assert_eq!(networks, ["10.0.0.0/8", "::1", "192.0.2.7"]);
        assert_eq!(read(&[], &[]).unwrap().allow().count(), 0);
    }

    #[test]
    fn each_option_is_read_from_the_command_line_and_the_environment() {
        for setting in SETTINGS {
            if setting.group == "TLS" && !cfg!(feature = "tls") {
                continue;
            }
            let value = match setting.kind {
                SettingKind::Listen => "abns@a",
                #[cfg(feature = "admin")]
                SettingKind::Admin => "127.0.0.1:9145",
                #[cfg(feature = "admin")]
                SettingKind::Ready => "fresh",
                SettingKind::Allow => "10.0.0.0/8",
                SettingKind::Log => "debug",
                SettingKind::LogFormat => "text",
                SettingKind::Spans => "on",
                SettingKind::TlsCert | SettingKind::TlsKey | SettingKind::TlsClientCa => {
                    "agent.pem"
                }
                SettingKind::TlsMinVersion => "1.3",
                #[cfg(feature = "options")]
                SettingKind::Config => continue,
                SettingKind::Grace(_) | SettingKind::Time(_) | SettingKind::Deadline(_) => "7ms",
                _ => "777",
            };
            let long = format!("--{}", setting.long);
            let line = read(&[&long, value], &[(setting.env, "nonsense=,=")]).unwrap();
            let env = read(&[], &[(setting.env, value)]).unwrap();
            let expected = setting.parse(value).unwrap();
            for options in [line, env] {
                assert_eq!(options.given.len(), 1, "{long}");
                assert_eq!(options.given[0].1.first(), Some(&expected), "{long}");
            }
        }
    }

    #[test]
    fn an_option_that_is_not_given_changes_nothing() {
        let options = read(&["--max-in-flight", "3"], &[("SPOA_MAX_BLOCKING", "5")]).unwrap();
        let mut limits = limits(&options);
        assert_eq!((limits.max_in_flight, limits.max_blocking), (3, 5));
        limits.max_in_flight = Limits::default().max_in_flight;
        limits.max_blocking = Limits::default().max_blocking;
        assert_eq!(limits, Limits::default());
        assert_eq!((options.workers(), options.log()), (None, None));
    }

    #[test]
    fn options_come_before_or_after_the_command() {
        for line in [["--workers=3", "serve"], ["serve", "--workers=3"]] {
            let options = read(&line, &[("SPOA_WORKERS", "9")]).unwrap();
            assert_eq!(
                (options.task.eq(&Task::Serve), options.workers()),
                (true, Some(3))
            );
        }
        let options = read(&["--log", "debug", "call", "m", "a=-1", "-5"], &[]).unwrap();
        assert_eq!(options.log(), Some("debug"));
        let args = ["a=-1", "-5"].map(OsString::from).to_vec();
        assert_eq!(
            options.task,
            Task::Call {
                message: "m".into(),
                args,
                json: false
            }
        );
    }

    #[test]
    fn flags_of_call_may_come_after_its_arguments() {
        let options = read(&["call", "m", "--json", "a=1"], &[]).unwrap();
        let args = vec![OsString::from("a=1")];
        assert_eq!(
            options.task,
            Task::Call {
                message: "m".into(),
                args,
                json: true
            }
        );
        let options = read(&["call", "--handler-timeout", "20ms", "m"], &[]).unwrap();
        assert_eq!(
            limits(&options).handler_timeout,
            Some(Duration::from_millis(20))
        );
    }

    #[test]
    fn a_bad_value_names_its_option_or_its_variable() {
        assert_eq!(
            read(&["--max-in-flight", "many"], &[]).unwrap_err(),
            "error: invalid value 'many' for '--max-in-flight <N>': write a number, at least 1\n\n\
             For more information, try '--help'.\n"
        );
        assert_eq!(
            read(&[], &[("SPOA_HANDLER_TIMEOUT", "20")]).unwrap_err(),
            "error: invalid value '20' of the environment variable SPOA_HANDLER_TIMEOUT: the unit \
             is missing: write `20ms` or `20s`\n\n\
             Usage: agent [OPTIONS] [COMMAND]\n\n\
             For more information, try '--help'.\n"
        );
    }

    #[test]
    fn a_command_that_does_not_exist_is_a_usage_error() {
        let error = read(&["handler"], &[]).unwrap_err();
        assert!(
            error.contains("similar subcommand exists: 'handlers'"),
            "{error}"
        );
    }

    #[test]
    fn the_help_shows_the_defaults_of_the_program() {
        let help = read(&["--help"], &[]).unwrap_err();
        for part in [
            "SPOE agent for HAProxy, answers `m`",
            "Address to listen on; repeatable [default: 127.0.0.1:7]",
            "--max-frame-size <BYTES>",
            "or `none` [default: 1s]",
            "handlers",
            "call",
        ] {
            assert!(help.contains(part), "`{part}` is not in:\n{help}");
        }
        assert_eq!(read(&["--version"], &[]).unwrap_err(), "agent 1.2.3\n");
    }
}
