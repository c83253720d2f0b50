//! A line as words, as HAProxy cuts it: quotes, backslashes, comments, environment variables.

use super::Span;
use super::environment_value::EnvironmentValue;
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Word {
    /// The text as HAProxy reads it: without quotes, and with the values of variables.
    pub text: String,
    /// The place of the word, with its quotes.
    pub span: Span,
    /// Whether all of it is known: not if a variable of the environment is not set here, though
    /// HAProxy may have it.
    pub known: bool,
    /// The quote in it that is not closed: HAProxy refuses the line.
    pub open_quote: Option<Span>,
}

impl Word {
    /// Returns the place of a part of the text, or of the whole word if it has quotes or escapes.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Span {
        let Span { source, start, end } = self.span;
        if end - start != self.text.len() || range.end > self.text.len() {
            return self.span;
        }
        Span {
            source,
            start: start + range.start,
            end: start + range.end,
        }
    }

    /// Returns whether the word is certainly this text.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.known && self.text == text
    }
}

/// The values of variables of the environment.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> EnvironmentValue;

/// Returns the words of a line that begins at `start` of a source.
///
/// A line that HAProxy refuses, such as one with an open quote, is read as far as possible.
pub(super) fn words(line: &str, source: usize, start: usize, lookup: Lookup<'_>) -> Vec<Word> {
    Cutter {
        line,
        source,
        start,
        lookup,
        chars: line.char_indices().peekable(),
        words: Vec::new(),
        word: None,
    }
    .cut()
}

struct Cutter<'a> {
    line: &'a str,
    source: usize,
    start: usize,
    lookup: Lookup<'a>,
    chars: Peekable<CharIndices<'a>>,
    words: Vec<Word>,
    /// The word that is not at its end yet.
    word: Option<Word>,
}

impl Cutter<'_> {
    fn cut(mut self) -> Vec<Word> {
        let (mut single, mut double) = (None, None);
        while let Some((at, next)) = self.chars.next() {
            match next {
                '\0' | '\n' | '\r' => {
                    self.end(at, single.or(double));
                    return self.words;
                }
                '#' if single.is_none() && double.is_none() => {
                    self.finish(at);
                    return self.words;
                }
                '"' if single.is_none() => match double.take() {
                    // Even an empty pair of quotes is a word.
                    Some(open) => drop(self.begin(open)),
                    None => double = Some(at),
                },
                '\'' if double.is_none() => match single.take() {
                    Some(open) => drop(self.begin(open)),
                    None => single = Some(at),
                },
                '\\' if single.is_none() => self.escape(at, double.is_some()),
                '$' if double.is_some() => self.variable(double.unwrap_or(at)),
                ' ' | '\t' | '\x0b' | '\x0c' if single.is_none() && double.is_none() => {
                    self.finish(at);
                }
                other => {
                    let open = single.or(double).unwrap_or(at);
                    self.begin(open).text.push(other);
                }
            }
        }
        self.end(self.line.len(), single.or(double));
        self.words
    }

    /// Ends the line, perhaps within a quote.
    fn end(&mut self, at: usize, quote: Option<usize>) {
        if let Some(quote) = quote {
            let start = self.start + quote;
            let source = self.source;
            self.begin(quote).open_quote = Some(Span {
                source,
                start,
                end: start + 1,
            });
        }
        self.finish(at);
    }

    /// Returns the word that `at` belongs to.
    fn begin(&mut self, at: usize) -> &mut Word {
        let start = self.start + at;
        let span = Span {
            source: self.source,
            start,
            end: start,
        };
        self.word.get_or_insert_with(|| Word {
            text: String::new(),
            span,
            known: true,
            open_quote: None,
        })
    }

    fn finish(&mut self, at: usize) {
        if let Some(mut word) = self.word.take() {
            word.span.end = self.start + at;
            self.words.push(word);
        }
    }

    /// Reads the characters after a backslash.
    fn escape(&mut self, at: usize, double: bool) {
        let following = self.chars.peek().map(|(_, next)| *next);
        let stands_for = match following {
            Some(same @ (' ' | '\\' | '#' | '\'' | '"')) => Some(same),
            Some('$') if double => Some('$'),
            Some('t') => Some('\t'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('x') => match self.line.get(at + 2..at + 4).map(parse_hex) {
                Some(Some(byte)) => {
                    self.chars.nth(1);
                    Some(char::from(byte))
                }
                _ => None,
            },
            _ => None,
        };
        if stands_for.is_some() {
            self.chars.next();
        }
        self.begin(at).text.push(stands_for.unwrap_or('\\'));
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}` and `${NAME[*]}`.
    fn variable(&mut self, open: usize) {
        let braces = self.chars.next_if(|(_, next)| *next == '{').is_some();
        let mut name = String::new();
        let part =
            |(_, next): &(usize, char)| next.is_ascii_alphanumeric() || matches!(next, '_' | '.');
        while let Some((_, next)) = self.chars.next_if(part) {
            name.push(next);
        }
        let (mut several, mut default) = (false, None);
        if braces {
            let mut rest = String::new();
            for (_, next) in self.chars.by_ref() {
                if next == '}' {
                    break;
                }
                rest.push(next);
            }
            let rest = rest
                .strip_prefix("[*]")
                .inspect(|_| several = true)
                .unwrap_or(&rest);
            default = rest.strip_prefix('-').map(str::to_owned);
        }
        let value = match ((self.lookup)(&name), default) {
            (EnvironmentValue::Text(value), _) => value,
            (EnvironmentValue::Unset | EnvironmentValue::Missing, Some(default)) => default,
            (EnvironmentValue::Unset, None) => String::new(),
            (EnvironmentValue::Missing, None) | (EnvironmentValue::Unknown, _) => {
                self.begin(open).known = false;
                return;
            }
        };
        if !several {
            self.begin(open).text.push_str(&value);
            return;
        }
        let end = self.chars.peek().map_or(self.line.len(), |(at, _)| *at);
        for (index, one) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                self.finish(end);
            }
            self.begin(open).text.push_str(one);
        }
    }
}

fn parse_hex(digits: &str) -> Option<u8> {
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> EnvironmentValue {
        match name {
            "HOST" => EnvironmentValue::Text("10.0.0.1".to_owned()),
            "LIST" => EnvironmentValue::Text("a  b c".to_owned()),
            "EMPTY" => EnvironmentValue::Text(String::new()),
            "UNSET" => EnvironmentValue::Unset,
            "UNKNOWN" => EnvironmentValue::Unknown,
            _ => EnvironmentValue::Missing,
        }
    }

    fn texts(line: &str) -> Vec<String> {
        let words = words(line, 0, 0, &environment);
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn lines_are_cut_as_the_manual_says() {
        let cases: [(&str, &[&str]); 24] = [
            ("  a\t b  ", &["a", "b"]),
            ("a # b", &["a"]),
            ("a#b c", &["a"]),
            (r"a \# b", &["a", "#", "b"]),
            (r"log-format %{+Q}o\ %t", &["log-format", "%{+Q}o %t"]),
            (
                "log-format \"%{+Q}o %t\"' %s'",
                &["log-format", "%{+Q}o %t %s"],
            ),
            (
                r#""a \"b\" $HOST" 'c $HOST \x'"#,
                &["a \"b\" 10.0.0.1", "c $HOST \\x"],
            ),
            ("$HOST", &["$HOST"]),
            (r#"x "" ''"#, &["x", "", ""]),
            (r"\x41\x2d\xZZ", &["A-\\xZZ"]),
            (r"a\tb\n", &["a\tb\n"]),
            (r"\1 \$", &["\\1", "\\$"]),
            (r#""\$HOST""#, &["$HOST"]),
            (r#""${HOST}:80""#, &["10.0.0.1:80"]),
            (r#""${NONE-x y}:80""#, &["x y:80"]),
            (r#""${HOST-x}""#, &["10.0.0.1"]),
            (r#"a "${LIST[*]}" b"#, &["a", "a", "b", "c", "b"]),
            (r#"a "${EMPTY}" b"#, &["a", "", "b"]),
            (r#"a "${UNSET}" b"#, &["a", "", "b"]),
            (r#""${UNSET-x}:80""#, &["x:80"]),
            (r#"a "${UNSET[*]}" b"#, &["a", "", "b"]),
            ("a b\r\n", &["a", "b"]),
            ("a \"open b", &["a", "open b"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn words_have_places() {
        let line = r#"args ip=src "a b" c\ d"#;
        let words = words(line, 3, 100, &environment);
        let place = |word: &Word| {
            assert_eq!(word.span.source, 3);
            line.get(word.span.start - 100..word.span.end - 100)
        };
        let places: Vec<_> = words.iter().map(place).collect();
        assert_eq!(
            places,
            [Some("args"), Some("ip=src"), Some("\"a b\""), Some(r"c\ d")]
        );
        let part = |index: usize, range: Range<usize>| {
            let span = words[index].part(range);
            line.get(span.start - 100..span.end - 100)
        };
        assert_eq!(part(1, 3..6), Some("src"));
        assert_eq!(part(2, 0..1), Some("\"a b\""));
        assert_eq!(part(1, 3..60), Some("ip=src"));
    }

    #[test]
    fn a_word_with_an_unset_variable_is_unknown() {
        for line in [
            r#"server a "${NONE}:80" b"#,
            r#"server a "${UNKNOWN-x}:80" b"#,
        ] {
            let words = words(line, 0, 0, &environment);
            let known: Vec<_> = words.iter().map(|word| word.known).collect();
            assert_eq!(known, [true, true, false, true], "{line}");
        }
    }
}
