//! Words that HAProxy refuses, and names with characters that it does not take.

use crate::doctor::{Code, Finding};
use crate::read::{Line, Span, Word};
use spoa_facts::is_in_variable;

/// Words that HAProxy refuses.
pub(super) struct Refused {
    pub(super) title: String,
    pub(super) span: Span,
    pub(super) label: String,
    pub(super) help: String,
}

impl Refused {
    pub(super) fn finding(self) -> Finding {
        Finding::new(Code::WordsRefused, self.title, self.span)
            .label(self.label)
            .help(self.help)
    }

    pub(super) fn missing(what: &str, line: &Line, help: String) -> Self {
        Refused {
            title: format!("`{}` lacks {what}", text(line)),
            span: line.span(),
            label: format!("missing: {what}"),
            help,
        }
    }

    /// Refuses the words of a line after the first `from`.
    pub(super) fn extra(line: &Line, from: usize) -> Option<Self> {
        let words = line.after(from);
        let (first, last) = (words.first()?, words.last()?);
        let span = Span {
            end: last.span.end,
            ..first.span
        };
        let before = line.words.get(..from).unwrap_or_default();
        let extra = joined(words);
        Some(Refused {
            title: format!("`{}` does not take more words", joined(before)),
            span,
            label: "HAProxy refuses this".to_owned(),
            help: format!("remove `{extra}`, or turn it into a comment: `# {extra}`"),
        })
    }
}

fn joined(words: &[Word]) -> String {
    let words: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

fn text(line: &Line) -> String {
    joined(&line.words)
}

/// A name with a character that HAProxy takes in none; `besides` are allowed as `_` and `.` are.
pub(super) fn named(name: &Word, besides: &[char]) -> Option<Refused> {
    let allowed = |c: &char| is_in_variable(*c) || besides.contains(c);
    let stranger = name.text.chars().find(|c| !allowed(c));
    let stranger = stranger.filter(|_| name.known)?;
    let replaced = |c: char| if allowed(&c) { c } else { '_' };
    let better: String = name.text.chars().map(replaced).collect();
    let others: String = besides.iter().map(|c| format!(", `{c}`")).collect();
    Some(Refused {
        title: format!("`{}` is not a name that HAProxy accepts", name.text),
        span: name.span,
        label: format!("it has a `{stranger}`, and letters, digits, `_`, `.`{others} are allowed"),
        help: format!("write `{better}`"),
    })
}
