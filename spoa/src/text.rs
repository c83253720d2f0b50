//! Texts of peers and of user code, as a log line shows them: on one line, and of limited length.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// The most bytes of such a text in one line.
pub(crate) const MOST: usize = 4096;

/// Whether a character would begin a line of its own, steer a terminal, or make a line look like
/// another: controls, the separators of Unicode, and what turns the direction of writing.
pub(crate) fn breaks_line(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}'
                | '\u{2029}'
                | '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Returns the text with every such character escaped, as in `\n` and `\u{1b}`, and without white space
/// at its end. Every text that a peer or user code chose passes through here on its way to a log line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    if !text.contains(breaks_line) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    escape(text, &mut line);
    Cow::Owned(line)
}

/// Returns a text of several lines with every such character escaped but the ends of its lines.
#[cfg(feature = "run")]
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c != '\n' && breaks_line(c);
    if !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    let lines = text.split('\n').map(|line| {
        let mut escaped = String::new();
        escape(line, &mut escaped);
        escaped
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// Appends a text with every such character escaped.
pub(crate) fn escape(text: &str, line: &mut String) {
    for c in text.chars() {
        if breaks_line(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

/// A text that takes at most [`MOST`] bytes: what writes more is stopped with an error.
#[derive(Debug, Default)]
pub(crate) struct Excerpt(pub(crate) String);

impl Excerpt {
    /// Whether a text was cut.
    pub(crate) fn is_full(&self) -> bool {
        // A character may not fit into the last bytes.
        self.0.len() + 3 >= MOST
    }
}

impl Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut room = MOST.saturating_sub(self.0.len()).min(text.len());
        while !text.is_char_boundary(room) {
            room -= 1;
        }
        let (head, rest) = text.split_at(room);
        self.0.push_str(head);
        match rest {
            "" => Ok(()),
            _ => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line_whatever_it_holds() {
        for (text, line) in [
            ("as it is, C:\\new", "as it is, C:\\new"),
            ("a\nb\r\nc\n\n", "a\\nb\\r\\nc"),
            (
                "\u{1b}[31mred\u{7f}\u{85}.",
                "\\u{1b}[31mred\\u{7f}\\u{85}.",
            ),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("grüße, 世界", "grüße, 世界"),
            ("", ""),
        ] {
            assert_eq!(one_line(text), line);
        }
    }

    #[test]
    fn an_excerpt_cuts_endless_text() {
        let mut text = Excerpt::default();
        while write!(text, "ä").is_ok() {}
        assert_eq!((text.0.len(), text.is_full()), (MOST, true));
        let mut text = Excerpt::default();
        write!(text, "a").unwrap();
        assert!(!text.is_full());
    }
}
