//! What a person sees: colours where there is a terminal that shows them, lines of a readable width.
//!
//! It must not know what is written.

use crate::failure::Failure;
use std::env;
use std::io::{self, IsTerminal, Write};

/// Where lines are broken. A terminal's own width is not asked for: text that is read stays readable.
const WIDTH: usize = 88;

/// Whether to colour, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Colours if this stream is a terminal and nobody said no (`NO_COLOR`, `TERM=dumb`).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let set = |name, value: Option<&str>| match (env::var_os(name), value) {
            (None, _) => false,
            (Some(found), Some(value)) => found == value,
            // https://no-color.org: present and not empty.
            (Some(found), None) => !found.is_empty(),
        };
        Paint {
            on: stream.is_terminal() && !set("NO_COLOR", None) && !set("TERM", Some("dumb")),
        }
    }

    #[cfg(test)]
    pub(crate) const PLAIN: Paint = Paint { on: false };

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self.on && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// Prints what was asked for; whether anybody looks. Whoever closed the pipe has seen enough, which is
/// no error.
pub(crate) fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match printed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!(
            "cannot write to standard output: {error}"
        ))),
    }
}

/// Breaks a text between words into lines that begin with `first`, then with spaces.
pub(crate) fn wrap(first: &str, text: &str) -> String {
    let indent = " ".repeat(first.chars().count());
    let (mut out, mut line) = (String::new(), first.to_owned());
    let mut fresh = true;
    for word in text.split_whitespace() {
        if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&indent);
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line.push_str(word);
        fresh = false;
    }
    out.push_str(&line);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_stay_indented() {
        let words = "word ".repeat(40);
        let wrapped = wrap("- ", &words);
        let lines: Vec<_> = wrapped.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("- word word"), "{wrapped}");
        assert!(lines[1].starts_with("  word"), "{wrapped}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().count(), 41);
    }

    #[test]
    fn colours_surround_what_is_there() {
        let paint = Paint { on: true };
        assert_eq!(paint.bad("no"), "\x1b[31mno\x1b[0m");
        assert_eq!(paint.bold(""), "");
        assert_eq!(Paint::PLAIN.good("yes"), "yes");
    }
}
