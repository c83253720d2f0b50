//! The characters of an expression, each with its place in what the user wrote.
//!
//! It undoes the quotes of a line of configuration.

use crate::problem::{Problem, ProblemKind};

/// A character, and the byte it begins at.
pub(crate) type Char = (usize, char);

/// Returns the characters as they are written.
pub(crate) fn plain(text: &str) -> Vec<Char> {
    text.char_indices().collect()
}

/// Returns the characters of a word of a configuration, without its quotes and backslashes: `parse_line` in
/// HAProxy's tools.c. A blank or a `#` would end it there, and stands for itself here.
pub(crate) fn word(text: &str) -> Result<Vec<Char>, Problem> {
    let mut out = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let one = at..at + c.len_utf8();
        match (c, quote.map(|(_, quote)| quote)) {
            ('"' | '\'', None) => quote = Some((at, c)),
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => {
                let double = quote.is_some();
                let escaped = match chars.peek() {
                    Some((_, same @ (' ' | '\\' | '#' | '\'' | '"'))) => Some(*same),
                    Some((_, '$')) if double => Some('$'),
                    Some((_, 't')) => Some('\t'),
                    Some((_, 'n')) => Some('\n'),
                    Some((_, 'r')) => Some('\r'),
                    _ => None,
                };
                if escaped.is_some() {
                    chars.next();
                }
                out.push((at, escaped.unwrap_or('\\')));
            }
            ('$', Some('"')) => return Err(Problem::new(one, ProblemKind::Environment)),
            _ => out.push((at, c)),
        }
    }
    match quote {
        Some((at, _)) => Err(Problem::new(at..at + 1, ProblemKind::OpenQuote)),
        None => Ok(out),
    }
}
