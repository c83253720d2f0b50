//! Output for people: colours on terminals that show them, lines of a readable width.

use std::env;
use std::io::{self, IsTerminal, Write};

/// The width at which lines are broken. Wider terminals get the same lines: they are easier to read.
const WIDTH: usize = 88;

/// Colours, if they are on.
///
/// ```
/// use spoa_tools::terminal::Paint;
///
/// assert_eq!(Paint::PLAIN.bad("no"), "no");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// No colours.
    pub const PLAIN: Paint = Paint { on: false };

    /// Returns colours for a stream: on if it is a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    pub fn of(stream: &impl IsTerminal) -> Self {
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

    /// Returns whether colours are on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.on
    }

    /// Returns the text in bold.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Returns the text in a faint colour.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Returns the text in green.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Returns the text in red.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Returns the text in yellow.
    #[must_use]
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints to standard output. A reader that closed the pipe has seen enough, so that is not an error: the
/// result then says that nobody reads on.
///
/// # Errors
/// Standard output cannot be written to, such as a file on a full disk.
///
/// ```
/// assert!(spoa_tools::terminal::print("")?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn print(text: &str) -> io::Result<bool> {
    let mut out = io::stdout();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match printed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// Breaks a text between words into lines: the first begins with `first`, the others with as many spaces.
///
/// ```
/// assert_eq!(spoa_tools::terminal::wrap("- ", "a  b"), "- a b\n");
/// ```
#[must_use]
pub fn wrap(first: &str, text: &str) -> String {
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
    fn empty_text_is_not_coloured() {
        let paint = Paint { on: true };
        assert_eq!(paint.bad("no"), "\x1b[31mno\x1b[0m");
        assert_eq!(paint.bold(""), "");
        assert_eq!(Paint::PLAIN.good("yes"), "yes");
    }
}
