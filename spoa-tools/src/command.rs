//! Commands as plain data: their options, and the words that a command line gives for them.
//!
//! Every program reads its command line with the parser it has, and hands the words over as [`CommandInput`].

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A command: its name, its options and its help.
///
/// ```
/// use spoa_tools::doctor::Doctor;
///
/// assert_eq!(Doctor::COMMAND.name, "doctor");
/// assert!(Doctor::COMMAND.options.iter().any(|option| option.long == "explain"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Command {
    /// The word on the command line.
    pub name: &'static str,
    /// The purpose of the command, in one line.
    pub summary: &'static str,
    /// The options of the command, in the order of its help.
    pub options: &'static [CommandOption],
    /// The operands, if the command takes any.
    pub operands: Option<Operands>,
    /// More lines for the end of its help.
    pub notes: &'static str,
}

/// An option of a command, `--long VALUE` or `--long`.
///
/// ```
/// use spoa_tools::config::Config;
///
/// let part = Config::COMMAND.options.iter().find(|option| option.long == "part").unwrap();
/// assert_eq!(part.value, Some("PART"));
/// assert!((part.check)("half").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CommandOption {
    /// The name, without its dashes.
    pub long: &'static str,
    /// The name of the value in the help; `None` for a flag.
    pub value: Option<&'static str>,
    /// A noun phrase for the help.
    pub help: &'static str,
    /// The default, for the help.
    pub default: Option<&'static str>,
    /// Whether the option may be given more than once.
    pub repeats: bool,
    /// Whether the value is a path, which need not be UTF-8.
    pub is_path: bool,
    /// Says what is wrong with a value.
    pub check: fn(&str) -> Result<(), String>,
}

/// The operands of a command: words that are not options.
///
/// ```
/// assert_eq!(spoa_tools::doctor::Doctor::COMMAND.operands.unwrap().name, "FILE");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operands {
    /// The name of each in the help.
    pub name: &'static str,
    /// A noun phrase for the help.
    pub help: &'static str,
    /// Whether the command needs at least one.
    pub required: bool,
    /// An option that makes operands unnecessary; empty if no option does.
    pub unless: &'static str,
}

/// The words of a command line for a command, already checked.
///
/// ```
/// use spoa_tools::command::CommandInput;
///
/// let given = CommandInput::default().option("server", "10.0.0.1:1").option("server", "10.0.0.2:1").flag("show");
/// assert_eq!(given.texts("server"), ["10.0.0.1:1", "10.0.0.2:1"]);
/// assert!(given.has("show") && !given.has("force"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandInput {
    options: Vec<(String, OsString)>,
    operands: Vec<OsString>,
}

impl CommandOption {
    pub(crate) const fn flag(long: &'static str, help: &'static str) -> Self {
        CommandOption {
            long,
            value: None,
            help,
            default: None,
            repeats: false,
            is_path: false,
            check: |_| Ok(()),
        }
    }

    pub(crate) const fn text(long: &'static str, value: &'static str, help: &'static str) -> Self {
        CommandOption {
            value: Some(value),
            ..CommandOption::flag(long, help)
        }
    }

    pub(crate) const fn path(long: &'static str, value: &'static str, help: &'static str) -> Self {
        CommandOption {
            is_path: true,
            ..CommandOption::text(long, value, help)
        }
    }

    pub(crate) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(crate) const fn repeated(mut self) -> Self {
        self.repeats = true;
        self
    }

    pub(crate) const fn check(mut self, check: fn(&str) -> Result<(), String>) -> Self {
        self.check = check;
        self
    }
}

impl CommandInput {
    /// Adds an option with a value.
    #[must_use]
    pub fn option(mut self, long: &str, value: impl Into<OsString>) -> Self {
        self.options.push((long.to_owned(), value.into()));
        self
    }

    /// Adds an option without a value.
    #[must_use]
    pub fn flag(self, long: &str) -> Self {
        self.option(long, "")
    }

    /// Adds an operand.
    #[must_use]
    pub fn operand(mut self, word: impl Into<OsString>) -> Self {
        self.operands.push(word.into());
        self
    }

    /// Returns whether an option is given.
    #[must_use]
    pub fn has(&self, long: &str) -> bool {
        self.last(long).is_some()
    }

    /// Returns the value of an option as text.
    #[must_use]
    pub fn text(&self, long: &str) -> Option<&str> {
        self.last(long)?.to_str()
    }

    /// Returns all values of an option as text.
    #[must_use]
    pub fn texts(&self, long: &str) -> Vec<String> {
        let values = self.options.iter().filter(|(name, _)| name == long);
        let values = values.map(|(_, value)| value.to_string_lossy().into_owned());
        values.collect()
    }

    /// Returns the value of an option as a path.
    #[must_use]
    pub fn path(&self, long: &str) -> Option<PathBuf> {
        self.last(long).map(PathBuf::from)
    }

    /// Returns the operands as text.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let words = self.operands.iter();
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// Returns the operands as paths.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.operands.iter().map(PathBuf::from).collect()
    }

    fn last(&self, long: &str) -> Option<&OsStr> {
        let mut values = self.options.iter().rev().filter(|(name, _)| name == long);
        values.next().map(|(_, value)| value.as_os_str())
    }
}

/// Says which of some words an option takes.
pub(crate) fn one_of(words: &[&str], text: &str) -> Result<(), String> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(format!(
        "write {}",
        spoa_facts::one_of(words.iter().copied())
    ))
}
