//! What was given on the command line and in the environment, and what holds where both say
//! something.
//!
//! It must not know how any of it is done.

use super::command::{About, command};
use super::config::Config;
use super::dev::Dev;
use super::doctor::Doctor;
use super::plain;
use super::settings::{DEFAULT_LISTEN, Given, Kind, SETTINGS, Setting, addresses, networks};
use crate::agent::Limits;
use clap::ArgMatches;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// What the program is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Serve until told to stop.
    Serve,
    /// List the handlers.
    Handlers { json: bool },
    /// Write HAProxy's side.
    Config(Box<Config>),
    /// Run behind a HAProxy of one's own.
    Dev(Dev),
    /// Look for what is wrong with it.
    Doctor(Doctor),
    /// Write a page about the messages.
    Docs,
    /// Send one message to the handlers in this process.
    Call {
        message: String,
        args: Vec<OsString>,
        json: bool,
    },
}

/// What was said on the command line and in the environment.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) task: Task,
    given: Vec<(Setting, Vec<Given>)>,
}

impl Options {
    /// Reads the command line, then the environment for what that does not say.
    pub(super) fn read(
        about: &About<'_>,
        args: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        let refuse = |problem| command(about).error(ErrorKind::ValueValidation, problem);
        if let Some(line) = plain::read(args.get(1..).unwrap_or_default()) {
            let given = collect(|setting| line.get(setting), env).map_err(refuse)?;
            let task = Task::Serve;
            return Ok(Options { task, given });
        }
        let line = Line(command(about).try_get_matches_from(args)?);
        let given = collect(|setting| line.get(setting), env).map_err(refuse)?;
        let task = line.task();
        Ok(Options { task, given })
    }

    /// The addresses of the command line or the environment.
    pub(super) fn asked_to_listen(&self) -> Vec<String> {
        let given = self.find(|kind| matches!(kind, Kind::Listen));
        let texts = given.iter().filter_map(|given| match given {
            Given::Text(text) => Some(addresses(text)),
            _ => None,
        });
        texts.flatten().collect()
    }

    /// Where to listen: as given, else as the program says, else by default.
    pub(super) fn listen(&self, program: &[&str]) -> Vec<String> {
        let texts = self.asked_to_listen();
        match (texts.as_slice(), program) {
            ([], []) => vec![DEFAULT_LISTEN.to_owned()],
            ([], program) => program
                .iter()
                .map(|address| (*address).to_owned())
                .collect(),
            _ => texts,
        }
    }

    /// The networks whose peers may connect, if that was said.
    pub(super) fn allow(&self) -> impl Iterator<Item = &str> {
        let given = self.find(|kind| matches!(kind, Kind::Allow));
        let texts = given.iter().filter_map(|given| match given {
            Given::Text(text) => Some(networks(text)),
            _ => None,
        });
        texts.flatten()
    }

    /// How many threads, if that was said.
    pub(super) fn workers(&self) -> Option<usize> {
        match self.find(|kind| matches!(kind, Kind::Workers)) {
            [.., Given::Number(number)] => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// What to log, if that was said.
    pub(super) fn log(&self) -> Option<&str> {
        self.text(|kind| matches!(kind, Kind::Log))
    }

    /// The value of an option that stands once, if it was given.
    pub(super) fn text(&self, wanted: impl Fn(Kind) -> bool) -> Option<&str> {
        match self.find(wanted) {
            [.., Given::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The largest frame, if that was said.
    pub(super) fn frame_size(&self) -> Option<u32> {
        match self.find(|kind| matches!(kind, Kind::Frame(_))) {
            [.., Given::Number(number)] => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Sets the limits that were given and leaves the others alone.
    pub(super) fn apply(&self, limits: &mut Limits) {
        for (setting, values) in &self.given {
            for value in values {
                setting.apply(value, limits);
            }
        }
    }

    fn find(&self, wanted: impl Fn(Kind) -> bool) -> &[Given] {
        let found = self.given.iter().find(|(setting, _)| wanted(setting.kind));
        found.map_or(&[], |(_, values)| values)
    }
}

/// The command line as clap read it.
struct Line(ArgMatches);

impl Line {
    fn task(&self) -> Task {
        match self.0.subcommand() {
            Some(("handlers", matches)) => Task::Handlers {
                json: matches.get_flag("json"),
            },
            Some(("config", matches)) => Task::Config(Box::new(Config::read(matches))),
            Some(("dev", matches)) => Task::Dev(Dev::read(matches)),
            Some(("doctor", matches)) => Task::Doctor(Doctor::read(matches)),
            Some(("docs", _)) => Task::Docs,
            Some(("call", matches)) => Task::Call {
                message: matches
                    .get_one::<String>("MESSAGE")
                    .cloned()
                    .unwrap_or_default(),
                args: matches
                    .get_many::<OsString>("ARG")
                    .unwrap_or_default()
                    .cloned()
                    .collect(),
                json: matches.get_flag("json"),
            },
            _ => Task::Serve,
        }
    }

    /// The values of an option, if it stands there.
    fn get(&self, setting: &Setting) -> Option<Vec<Given>> {
        let of = |matches: &ArgMatches| {
            // A subcommand does not have them all.
            let values = matches.try_get_many::<Given>(setting.long).ok()??;
            Some(values.cloned().collect())
        };
        // `agent --log debug call …` and `agent call --log debug …` are the same.
        let sub = self.0.subcommand();
        sub.and_then(|(_, matches)| of(matches))
            .or_else(|| of(&self.0))
    }
}

/// What the line says of each setting, or else the environment.
fn collect(
    on_line: impl Fn(&Setting) -> Option<Vec<Given>>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<(Setting, Vec<Given>)>, String> {
    let mut given = Vec::new();
    for setting in SETTINGS {
        let values = match on_line(setting) {
            Some(values) => values,
            None => from_env(setting, &env)?,
        };
        if !values.is_empty() {
            given.push((*setting, values));
        }
    }
    Ok(given)
}

fn from_env(
    setting: &Setting,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<Given>, String> {
    let text = match env(setting.env) {
        // Empty is what a variable is set to where it cannot be left out.
        None => return Ok(Vec::new()),
        Some(text) if text.is_empty() => return Ok(Vec::new()),
        Some(text) => text,
    };
    let shown = text.to_string_lossy();
    let parsed = match text.to_str() {
        Some(text) => setting.parse(text),
        None => Err("it is not UTF-8".to_owned()),
    };
    parsed.map(|value| vec![value]).map_err(|problem| {
        format!(
            "invalid value '{shown}' of the environment variable {}: {problem}",
            setting.env
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(line: &[&str], env: &[(&str, &str)]) -> Result<Options, String> {
        let about = About {
            name: "agent",
            version: "1.2.3",
            listen: &["127.0.0.1:7"],
            messages: vec!["m"],
        };
        let args = ["agent"].iter().chain(line).map(OsString::from);
        let env = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        };
        Options::read(&about, args, env).map_err(|error| error.to_string())
    }

    fn limits(options: &Options) -> Limits {
        let mut limits = Limits::default();
        options.apply(&mut limits);
        limits
    }

    #[test]
    fn the_command_line_is_well_formed() {
        let about = About {
            name: "a",
            version: "1",
            listen: &[],
            messages: Vec::new(),
        };
        command(&about).debug_assert();
    }

    #[test]
    fn the_line_holds_before_the_environment_the_program_and_the_default() {
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
    fn networks_stand_once_for_each_or_with_commas() {
        let line = ["--allow", "10.0.0.0/8", "--allow=::1, 192.0.2.7"];
        let options = read(&line, &[("SPOA_ALLOW", "203.0.113.0/24")]).unwrap();
        let networks: Vec<_> = options.allow().collect();
        assert_eq!(networks, ["10.0.0.0/8", "::1", "192.0.2.7"]);
        assert_eq!(read(&[], &[]).unwrap().allow().count(), 0);
    }

    #[test]
    fn each_option_is_read_from_both() {
        for setting in SETTINGS {
            if setting.group == "TLS" && !cfg!(feature = "tls") {
                continue;
            }
            let value = match setting.kind {
                Kind::Listen => "abns@a",
                Kind::Allow => "10.0.0.0/8",
                Kind::Log => "debug",
                Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa => "agent.pem",
                Kind::TlsMinVersion => "1.3",
                Kind::Grace(_) | Kind::Time(_) | Kind::Deadline(_) => "7ms",
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
    fn a_plain_line_is_what_clap_makes_of_it() {
        let about = About {
            name: "agent",
            version: "1.2.3",
            listen: &[],
            messages: Vec::new(),
        };
        let lines: [&[&str]; 7] = [
            &[],
            &["serve"],
            &["--listen", ":1", "--log=debug", "--workers", "2"],
            &["serve", "--listen=:1,:2", "--listen", "unix@/a"],
            &["--allow", "10.0.0.0/8", "--allow=::1"],
            &["--handler-timeout=none", "--drain-timeout", "0s"],
            &["--max-frame-size", "64k", "--max-reassembled=0"],
        ];
        for words in lines {
            let args: Vec<_> = words.iter().map(OsString::from).collect();
            let plain = plain::read(&args).unwrap_or_else(|| panic!("{words:?} is plain"));
            let args = [OsString::from("agent")].into_iter().chain(args);
            let line = Line(command(&about).try_get_matches_from(args).unwrap());
            assert_eq!(line.task(), Task::Serve);
            for setting in SETTINGS {
                let long = setting.long;
                assert_eq!(
                    plain.get(setting),
                    line.get(setting),
                    "--{long} of {words:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_given_is_left_alone() {
        let options = read(&["--max-inflight", "3"], &[("SPOA_MAX_BLOCKING", "5")]).unwrap();
        let mut limits = limits(&options);
        assert_eq!((limits.max_in_flight, limits.max_blocking), (3, 5));
        limits.max_in_flight = Limits::default().max_in_flight;
        limits.max_blocking = Limits::default().max_blocking;
        assert_eq!(limits, Limits::default());
        assert_eq!((options.workers(), options.log()), (None, None));
    }

    #[test]
    fn options_stand_before_or_behind_the_command() {
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
    fn flags_of_call_may_stand_behind_its_arguments() {
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
            read(&["--max-inflight", "many"], &[]).unwrap_err(),
            "error: invalid value 'many' for '--max-inflight <N>': write a number, at least 1\n\n\
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
    fn the_help_shows_what_the_program_says() {
        let help = read(&["--help"], &[]).unwrap_err();
        for part in [
            "SPOE agent for HAProxy, answers `m`",
            "abns@NAME; once for each [default: 127.0.0.1:7]",
            "--max-frame-size <BYTES>",
            "longer; `none` waits [default: 1s]",
            "handlers",
            "call",
        ] {
            assert!(help.contains(part), "`{part}` is not in:\n{help}");
        }
        assert_eq!(read(&["--version"], &[]).unwrap_err(), "agent 1.2.3\n");
    }
}
