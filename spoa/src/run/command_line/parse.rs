//! From the words of a command line to a command, its options and its operands.

use super::Identity;
use super::commands::{CommandSpec, MANUAL, OptionSpec, TOOLS, commands, program};
use super::help;
use lexopt::{Arg, Parser};
use spoa_facts::nearest;
use std::ffi::{OsStr, OsString};

/// A command line that makes sense.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The command; empty if the line has none.
    pub(super) command: &'static str,
    /// The options before the command.
    before: Vec<(&'static str, OsString)>,
    /// The options of the command.
    pub(super) options: Vec<(&'static str, OsString)>,
    pub(super) operands: Vec<OsString>,
}

/// Why a command line is not carried out.
#[derive(Debug)]
pub(in crate::run) enum Stop {
    /// It asks for the help or the version.
    Print(String),
    /// It is wrong, for this reason.
    Refuse(String),
}

impl Line {
    /// Returns the values of an option: those of the command, else those before it.
    pub(super) fn values(&self, long: &str) -> impl Iterator<Item = &OsStr> {
        let of = |(name, _): &&(&str, OsString)| *name == long;
        let own = self.options.iter().any(|option| of(&option));
        let options = if own { &self.options } else { &self.before };
        let options = options.iter().filter(move |(name, _)| *name == long);
        options.map(|(_, value)| value.as_os_str())
    }
}

/// Reads the words after the name of the program.
pub(super) fn parse(about: &Identity<'_>, words: Vec<OsString>) -> Result<Line, Stop> {
    let mut line = Line::default();
    let mut reader = WordReader {
        about,
        command: program(about),
        words: Parser::from_args(words),
    };
    while let Some(word) = reader.next(&mut line.before)? {
        let known = commands(about);
        let text = word.to_string_lossy();
        let names = known.iter().map(|command| command.name);
        let Some(command) = names.clone().position(|name| name == text) else {
            return Err(reader.unknown_command(&text, names));
        };
        reader.command = known.into_iter().nth(command).unwrap_or(reader.command);
        line.command = reader.command.name;
        let mut operands = Vec::new();
        while let Some(word) = reader.next(&mut line.options)? {
            reader.take_operand(&mut operands, word)?;
        }
        reader.check_operands(&operands, &line.options)?;
        line.operands = operands;
    }
    Ok(line)
}

/// The words that are left, and the command that they are for.
struct WordReader<'a> {
    about: &'a Identity<'a>,
    command: CommandSpec,
    words: Parser,
}

impl WordReader<'_> {
    /// Reads options up to the next operand, and returns that.
    fn next(
        &mut self,
        options: &mut Vec<(&'static str, OsString)>,
    ) -> Result<Option<OsString>, Stop> {
        loop {
            // A negative number is an operand, though it begins with a dash.
            let takes_operands = !self.command.operands.is_empty();
            let mut raw = self.words.try_raw_args().filter(|_| takes_operands);
            let number = raw.as_mut().and_then(|raw| raw.next_if(is_negative));
            if number.is_some() {
                return Ok(number);
            }
            let found = match self.words.next() {
                Ok(None) => return Ok(None),
                Ok(Some(Arg::Value(word))) => return Ok(Some(word)),
                Ok(Some(Arg::Long("help") | Arg::Short('h'))) => {
                    return Err(Stop::Print(help::page(self.about, &self.command)));
                }
                Ok(Some(Arg::Long("version") | Arg::Short('V')))
                    if self.command.name.is_empty() =>
                {
                    let (name, version) = (self.about.name, self.about.version);
                    return Err(Stop::Print(format!("{name} {version}\n")));
                }
                Ok(Some(Arg::Long(name))) => Ok(name.to_owned()),
                Ok(Some(Arg::Short(letter))) => Err(letter),
                Err(error) => return Err(self.refuse(&error.to_string())),
            };
            let by_letter = found.is_err();
            let mut options_of_command = self.command.options.iter().copied();
            let option = match found {
                Ok(name) => options_of_command
                    .find(|option| option.is_called(&name))
                    .ok_or_else(|| format!("--{name}")),
                Err(letter) => options_of_command
                    .find(|option| option.short() == Some(letter))
                    .ok_or_else(|| format!("-{letter}")),
            };
            let option = option.map_err(|found| self.unknown_option(&found))?;
            let value = match option.value() {
                // After the letter of a flag comes the letter of another flag, not a value.
                None if by_letter => OsString::new(),
                _ => self.value(option)?,
            };
            if !option.repeats() && options.iter().any(|(long, _)| *long == option.long()) {
                let shown = help::shown(option);
                return Err(self.refuse(&format!(
                    "the argument '{shown}' cannot be used multiple times"
                )));
            }
            options.push((option.long(), value));
        }
    }

    /// Reads the value of an option.
    fn value(&mut self, option: OptionSpec) -> Result<OsString, Stop> {
        let shown = help::shown(option);
        let attached = self.words.optional_value();
        if option.value().is_none() {
            return match attached {
                None => Ok(OsString::new()),
                Some(value) => Err(self.refuse(&format!(
                    "unexpected value '{}' for '{shown}' found; no more were expected",
                    value.to_string_lossy()
                ))),
            };
        }
        if attached.is_none() && option.value_is_optional() {
            return Ok(OsString::new());
        }
        let value = attached.or_else(|| {
            let mut raw = self.words.try_raw_args()?;
            raw.next_if(|word| !is_option(word))
        });
        let Some(value) = value else {
            return Err(brief(&format!(
                "a value is required for '{shown}' but none was supplied"
            )));
        };
        let checked = match value.to_str() {
            Some(text) => option.check(text),
            None if option.is_path() => Ok(()),
            None => Err("it is not UTF-8".to_owned()),
        };
        match checked {
            Ok(()) => Ok(value),
            Err(problem) => Err(brief(&format!(
                "invalid value '{}' for '{shown}': {problem}",
                value.to_string_lossy()
            ))),
        }
    }

    fn take_operand(&self, operands: &mut Vec<OsString>, word: OsString) -> Result<(), Stop> {
        let specs = &self.command.operands;
        let repeats = specs.last().is_some_and(|operand| operand.repeats);
        if operands.len() < specs.len() || repeats {
            operands.push(word);
            return Ok(());
        }
        let word = word.to_string_lossy();
        Err(self.refuse(&format!("unexpected argument '{word}' found")))
    }

    fn check_operands(
        &self,
        operands: &[OsString],
        options: &[(&str, OsString)],
    ) -> Result<(), Stop> {
        let missing = self.command.operands.get(operands.len()..);
        let missing = missing.unwrap_or_default().iter().find(|operand| {
            let excused = options.iter().any(|(long, _)| *long == operand.unless);
            operand.required && !excused
        });
        match missing {
            None => Ok(()),
            Some(operand) => {
                let more = if operand.repeats { "..." } else { "" };
                Err(self.refuse(&format!(
                    "the following required arguments were not provided:\n  <{}>{more}",
                    operand.name
                )))
            }
        }
    }

    fn unknown_option(&self, found: &str) -> Stop {
        let known = self.command.options.iter().map(|option| option.long());
        let name = found.trim_start_matches('-');
        if found == "--config" && !cfg!(feature = "options") {
            return brief(
                "files of options are not compiled into this program: add the feature `options` in its \
                 Cargo.toml: `haproxy-spoa = { …, features = [\"options\"] }`",
            );
        }
        let meant = nearest(name, known.chain(["help"]));
        let tip = match meant.filter(|_| found.starts_with("--")) {
            Some(meant) => format!("\n\n  tip: a similar argument exists: '--{meant}'"),
            None if !self.command.operands.is_empty() => {
                format!("\n\n  tip: to pass '{found}' as a value, use '-- {found}'")
            }
            None => String::new(),
        };
        self.refuse(&format!("unexpected argument '{found}' found{tip}"))
    }

    fn unknown_command<'n>(&self, found: &str, known: impl Iterator<Item = &'n str>) -> Stop {
        if TOOLS.contains(&found) {
            return brief(&format!(
                "the command '{found}' is not compiled into this program: add the feature `tools` in its \
                 Cargo.toml: `haproxy-spoa = {{ …, features = [\"tools\"] }}`, or use `spop {found}`"
            ));
        }
        if MANUAL.contains(&found) {
            return brief(&format!(
                "the command '{found}' is not compiled into this program: add the feature `options` in its \
                 Cargo.toml: `haproxy-spoa = {{ …, features = [\"options\"] }}`"
            ));
        }
        let tip = match nearest(found, known) {
            Some(meant) => format!("\n\n  tip: a similar subcommand exists: '{meant}'"),
            None => String::new(),
        };
        self.refuse(&format!("unrecognized subcommand '{found}'{tip}"))
    }

    fn refuse(&self, problem: &str) -> Stop {
        refuse(self.about, &self.command, problem)
    }
}

/// Refuses a command line, with the usage of the command.
fn refuse(about: &Identity<'_>, command: &CommandSpec, problem: &str) -> Stop {
    let usage = help::usage(about, command);
    brief(&format!("{problem}\n\n{usage}"))
}

/// Returns the line of a command that begins with `Usage:`.
pub(super) fn usage(about: &Identity<'_>, name: &str) -> String {
    let mut known = commands(about).into_iter();
    let command = known.find(|command| command.name == name);
    help::usage(about, &command.unwrap_or_else(|| program(about)))
}

/// Refuses what the environment or a file says.
pub(super) fn refuse_elsewhere(about: &Identity<'_>, problem: &str) -> Stop {
    refuse(about, &program(about), problem)
}

/// Refuses a command line.
fn brief(problem: &str) -> Stop {
    Stop::Refuse(format!(
        "error: {problem}\n\nFor more information, try '--help'.\n"
    ))
}

/// Returns whether a word begins like an option.
fn is_option(word: &OsStr) -> bool {
    let word = word.as_encoded_bytes();
    word.len() > 1 && word.starts_with(b"-")
}

/// Returns whether a word is a negative number, such as `-1` or `-0.5`.
fn is_negative(word: &OsStr) -> bool {
    let digits = word.as_encoded_bytes().strip_prefix(b"-");
    digits.is_some_and(|digits| {
        let points = digits.iter().filter(|it| **it == b'.').count();
        let figures = digits.iter().filter(|it| it.is_ascii_digit()).count();
        figures > 0 && points <= 1 && figures + points == digits.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Result<Line, Stop> {
        let about = Identity::default();
        parse(&about, words.iter().map(OsString::from).collect())
    }

    #[track_caller]
    fn refused(words: &[&str], problem: &str) {
        match line(words) {
            Err(Stop::Refuse(text)) => {
                let expected = format!("error: {problem}\n");
                assert!(text.starts_with(&expected), "{words:?}: {text}");
                assert!(text.ends_with("\n\nFor more information, try '--help'.\n"));
            }
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn a_mistake_is_named_with_a_suggestion() {
        refused(
            &["handler"],
            "unrecognized subcommand 'handler'\n\n  tip: a similar subcommand exists: 'handlers'\n\n\
             Usage: agent [OPTIONS] [COMMAND]\n",
        );
        refused(
            &["--listne", ":1"],
            "unexpected argument '--listne' found\n\n  tip: a similar argument exists: '--listen'\n\n\
             Usage: agent [OPTIONS] [COMMAND]\n",
        );
        refused(
            &["call", "--jsn", "m"],
            "unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n\
             Usage: agent call [OPTIONS] <MESSAGE> [ARG]...\n",
        );
        refused(
            &["call", "m", "--foobar"],
            "unexpected argument '--foobar' found\n\n  tip: to pass '--foobar' as a value, use '-- --foobar'\n",
        );
        refused(
            &["call"],
            "the following required arguments were not provided:\n  <MESSAGE>\n\nUsage: agent call [OPTIONS] <MESSAGE> [ARG]...\n",
        );
        refused(
            &["call", "m", "--json", "--json"],
            "the argument '--json' cannot be used multiple times\n",
        );
        refused(
            &["--workers=1", "--workers=2"],
            "the argument '--workers <N>' cannot be used multiple times\n",
        );
        refused(
            &["handlers", "--json=1"],
            "unexpected value '1' for '--json' found; no more were expected\n",
        );
        for words in [&["--listen"][..], &["--listen", "--log", "debug"]] {
            refused(
                words,
                "a value is required for '--listen <ADDRESS>' but none was supplied\n",
            );
        }
        refused(&["serve", "serve"], "unexpected argument 'serve' found\n");
        refused(&["-x"], "unexpected argument '-x' found\n");
        if cfg!(not(feature = "tools")) {
            refused(
                &["doctor", "haproxy.cfg"],
                "the command 'doctor' is not compiled into this program: add the feature `tools` in its \
                 Cargo.toml: `haproxy-spoa = { …, features = [\"tools\"] }`, or use `spop doctor`\n",
            );
        }
    }

    #[test]
    fn words_after_two_dashes_and_negative_numbers_are_operands() {
        let words = ["call", "m", "-5", "a=-1", "-1.5", "--", "--json", "-7"];
        let line = line(&words).unwrap();
        assert_eq!(
            line.operands,
            ["m", "-5", "a=-1", "-1.5", "--json", "-7"].map(OsString::from)
        );
        assert_eq!(line.values("json").count(), 0);
    }

    #[test]
    fn a_negative_number_has_digits_and_at_most_one_point() {
        for word in ["-1", "-1.5", "-.5", "-5."] {
            assert!(is_negative(word.as_ref()), "{word}");
        }
        for word in ["-", "-.", "-1.2.3", "-1e5", "--1", "-x", "1"] {
            assert!(!is_negative(word.as_ref()), "{word}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let about = Identity::default();
        let words = vec!["--log".into(), OsString::from_vec(vec![0xff])];
        let Err(Stop::Refuse(text)) = parse(&about, words) else {
            panic!("it is refused");
        };
        assert!(
            text.contains("for '--log <FILTER>': it is not UTF-8"),
            "{text}"
        );
    }
}
