//! The command line of an agent that serves, read without clap.
//!
//! It must not know what is wrong with a line: what it does not understand it leaves to clap, which has
//! the words for it. Most agents are started with a few options or none, and run for months: what of
//! clap they do not run, they do not keep in memory.

use super::settings::{Given, Kind, SETTINGS, Setting};
use std::ffi::OsString;

/// The options that were given.
#[derive(Debug)]
pub(super) struct Line(Vec<(&'static Setting, Vec<Given>)>);

/// Reads a line that asks for nothing but to serve, if every option on it is as it should be.
pub(super) fn read(args: &[OsString]) -> Option<Line> {
    let mut line: Vec<(&Setting, Vec<Given>)> = Vec::new();
    let mut words = args.iter().map(|arg| arg.to_str()).peekable();
    words.next_if_eq(&Some("serve"));
    while let Some(word) = words.next() {
        let option = word?.strip_prefix("--")?;
        let (long, value) = match option.split_once('=') {
            Some((long, value)) => (long, value),
            None => (option, words.next()??),
        };
        let setting = SETTINGS.iter().find(|setting| setting.long == long)?;
        // What looks like an option may be one, where a value is missing.
        if value.is_empty() || value.starts_with('-') {
            return None;
        }
        let value = setting.parse(value).ok()?;
        match line.iter_mut().find(|(known, _)| known.long == long) {
            None => line.push((setting, vec![value])),
            Some((_, values)) if matches!(setting.kind, Kind::Listen | Kind::Allow) => {
                values.push(value);
            }
            Some(_) => return None,
        }
    }
    Some(Line(line))
}

impl Line {
    /// The values of an option, if it stands there.
    pub(super) fn get(&self, setting: &Setting) -> Option<Vec<Given>> {
        let found = self.0.iter().find(|(known, _)| known.long == setting.long);
        found.map(|(_, values)| values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_else_is_left_to_clap() {
        let lines: [&[&str]; 15] = [
            &["--help"],
            &["--version"],
            &["handlers"],
            &["call", "m"],
            &["--log", "debug", "call", "m"],
            &["--log", "debug", "serve"],
            &["serve", "serve"],
            &["--workers=2", "--workers=2"],
            &["--workers"],
            &["--workers="],
            &["--workers", "none"],
            &["--listen", "--log", "debug"],
            &["--listne", ":1"],
            &["-l", ":1"],
            &["--", "serve"],
        ];
        for words in lines {
            let args: Vec<_> = words.iter().map(OsString::from).collect();
            assert!(read(&args).is_none(), "{words:?}");
        }
    }
}
