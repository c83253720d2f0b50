//! The program's own options, `options = …` of `run!`: how the command line sees them, and their values.

#[cfg(feature = "options")]
mod declared;

#[cfg(feature = "options")]
pub use declared::OptionsType;

use std::any::Any;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// The value of the type of options.
pub(super) type Shared = Arc<dyn Any + Send + Sync>;

/// One option of the program.
#[derive(Debug, Default)]
pub(super) struct UserOption {
    /// The option, without its dashes.
    pub(super) long: String,
    /// Other names for it.
    pub(super) aliases: Vec<String>,
    /// Its letter.
    pub(super) short: Option<char>,
    /// The name of the value in the help; `None` for a flag.
    pub(super) value: Option<String>,
    /// Whether the value may be left out.
    pub(super) value_is_optional: bool,
    /// The help, with the default.
    pub(super) help: String,
    /// The heading in the help.
    pub(super) group: String,
    pub(super) hidden: bool,
    /// Whether the option may be given more than once.
    pub(super) repeats: bool,
    /// The variable of the environment.
    pub(super) env: String,
    /// Whether no error and no line of the log may show its values.
    pub(super) secret: bool,
    /// The character between two values, if one text has several.
    pub(super) delimiter: Option<char>,
}

impl UserOption {
    /// Returns the option as it is written, with `…` for a value.
    pub(super) fn without_its_value(&self) -> String {
        match self.value {
            Some(_) => format!("--{} …", self.long),
            None => format!("--{}", self.long),
        }
    }
}

/// Where the value of an option comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OptionOrigin {
    CommandLine,
    /// This variable of the environment.
    Environment(String),
    /// This line of a file.
    File(PathBuf, usize),
}

/// An option that was given, with all its values.
#[cfg_attr(
    not(feature = "options"),
    allow(dead_code, reason = "only the types of `options = …` read it")
)]
#[derive(Debug)]
pub(super) struct GivenOption {
    pub(super) option: &'static UserOption,
    pub(super) values: Vec<OsString>,
    pub(super) origin: OptionOrigin,
}

impl GivenOption {
    /// Returns the values if they are secret, whole and in their parts.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        let secret = self.values.iter().filter(|_| self.option.secret);
        secret.flat_map(|value| {
            let value = value.to_string_lossy().into_owned();
            let parts = self.option.delimiter.map(|delimiter| {
                let parts = value.split(delimiter).map(str::to_owned);
                parts.collect::<Vec<_>>()
            });
            parts.into_iter().flatten().chain([value])
        })
    }
}

/// The type of options of a program.
#[derive(Debug, Default)]
pub(super) struct UserOptions {
    /// Described once for a run of the program, and never freed.
    pub(super) options: &'static [UserOption],
    #[cfg(feature = "options")]
    declared: Option<declared::Declared>,
}

impl OptionOrigin {
    /// Returns the origin as the end of `invalid value 'x' …`.
    pub(super) fn of(&self, option: &str) -> String {
        match self {
            OptionOrigin::CommandLine => format!("for '{option}'"),
            OptionOrigin::Environment(name) => format!("of the environment variable {name}"),
            OptionOrigin::File(path, line) => format!("of `{option}` in {}:{line}", path.display()),
        }
    }
}

#[cfg(not(feature = "options"))]
impl UserOptions {
    /// Returns nothing: there are no options.
    pub(super) fn parse(
        &self,
        _: &str,
        _: &str,
        _: &[GivenOption],
    ) -> Result<Option<Shared>, String> {
        Ok(None)
    }
}
