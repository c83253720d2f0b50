//! A sample expression as it is written: a fetch and its converters, each with its arguments.

use crate::problem::{Problem, ProblemKind};
use crate::text::{self, Char};
use std::fmt;
use std::ops::Range;

/// A sample expression: `req.hdr(user-agent),lower`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    fetch: Call,
    converters: Vec<Call>,
}

/// A fetch or a converter with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The name.
    pub name: String,
    /// The place of the name, in bytes.
    pub range: Range<usize>,
    /// The arguments in its parentheses, without quotes; `None` without parentheses. `x()` has one empty
    /// argument.
    pub arguments: Option<Vec<Argument>>,
    /// The end with the parentheses, in bytes.
    pub end: usize,
}

/// An argument of a fetch or a converter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Argument {
    /// The text without quotes.
    pub text: String,
    /// The place with the quotes, in bytes.
    pub range: Range<usize>,
}

impl Expression {
    /// Reads an expression that HAProxy has cut out of its line, without the quotes around it.
    ///
    /// # Errors
    /// If the syntax is wrong. The names in it are not checked: [`check`](Self::check) does that.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        parse(&text::plain(text), text.len())
    }

    /// Reads an expression as it is in a line of configuration, quotes and backslashes included.
    /// Ranges are those of the text with its quotes. A blank or a `#` outside of them stands for
    /// itself, though a line must have a `\` before it.
    ///
    /// # Errors
    /// What is wrong with its syntax.
    pub fn parse_word(text: &str) -> Result<Self, Problem> {
        parse(&text::word(text)?, text.len())
    }

    /// Returns the fetch.
    #[must_use]
    pub fn fetch(&self) -> &Call {
        &self.fetch
    }

    /// Returns the converters, in their order.
    #[must_use]
    pub fn converters(&self) -> &[Call] {
        &self.converters
    }
}

/// As it is written without the quotes of a line of configuration.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fetch.fmt(f)?;
        self.converters
            .iter()
            .try_for_each(|call| write!(f, ",{call}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Some(arguments) = &self.arguments else {
            return Ok(());
        };
        let texts: Vec<_> = arguments
            .iter()
            .map(|argument| argument.text.as_str())
            .collect();
        write!(f, "({})", texts.join(","))
    }
}

fn parse(chars: &[Char], end: usize) -> Result<Expression, Problem> {
    let mut reader = Reader { chars, end };
    let Some(fetch) = reader.call()? else {
        let kind = match reader.next() {
            None => ProblemKind::NoFetch,
            Some(c) => ProblemKind::Stranger(c),
        };
        return Err(Problem::new(reader.here(), kind));
    };
    let mut converters = Vec::new();
    loop {
        match reader.next() {
            None => break,
            Some(',') => {}
            Some(_) => {
                let before = converters.last().unwrap_or(&fetch);
                let kind = ProblemKind::NoComma(before.name.clone());
                return Err(Problem::new(reader.here(), kind));
            }
        }
        // HAProxy passes over commas that nothing follows.
        while reader.next() == Some(',') {
            reader.skip();
        }
        if reader.next().is_none() {
            break;
        }
        let Some(converter) = reader.call()? else {
            let kind = reader
                .next()
                .map_or(ProblemKind::NoFetch, ProblemKind::Stranger);
            return Err(Problem::new(reader.here(), kind));
        };
        converters.push(converter);
    }
    Ok(Expression { fetch, converters })
}

struct Reader<'c> {
    chars: &'c [Char],
    end: usize,
}

impl Reader<'_> {
    fn next(&self) -> Option<char> {
        self.chars.first().map(|(_, c)| *c)
    }

    fn at(&self) -> usize {
        self.chars.first().map_or(self.end, |(at, _)| *at)
    }

    fn here(&self) -> Range<usize> {
        self.at()..self.at() + self.next().map_or(0, char::len_utf8)
    }

    fn skip(&mut self) {
        self.chars = self.chars.get(1..).unwrap_or_default();
    }

    /// A name and its arguments; `None` if no name begins here.
    fn call(&mut self) -> Result<Option<Call>, Problem> {
        let start = self.at();
        let (mut name, mut end) = (String::new(), start);
        // `is_idchar` in HAProxy's tools.h.
        while let Some(c) = self
            .next()
            .filter(|c| c.is_ascii_alphanumeric() || "._-+:".contains(*c))
        {
            name.push(c);
            end = self.at() + 1;
            self.skip();
        }
        if name.is_empty() {
            return Ok(None);
        }
        let range = start..end;
        let arguments = match self.next() {
            Some('(') => Some(self.arguments()?),
            _ => None,
        };
        if arguments.is_some() {
            end = self.at() + 1;
            self.skip();
        }
        Ok(Some(Call {
            name,
            range,
            arguments,
            end,
        }))
    }

    /// Up to the closing parenthesis: `make_arg_list` in HAProxy's arg.c.
    fn arguments(&mut self) -> Result<Vec<Argument>, Problem> {
        let open = self.here();
        self.skip();
        let mut arguments = Vec::new();
        let mut text = String::new();
        let mut start = self.at();
        let mut quote = None;
        while let Some(c) = self.next() {
            match (c, quote) {
                ('"' | '\'', None) => quote = Some((self.at(), c)),
                (c, Some((_, open))) if c == open => quote = None,
                ('\\', None | Some((_, '"'))) => {
                    let escaped = match self.chars.get(1).map(|(_, c)| *c) {
                        Some(same @ ('\\' | ' ' | '"' | '\'')) => Some(same),
                        Some('r') => Some('\r'),
                        Some('n') => Some('\n'),
                        Some('t') => Some('\t'),
                        _ => None,
                    };
                    if escaped.is_some() {
                        self.skip();
                    }
                    text.push(escaped.unwrap_or('\\'));
                }
                (',' | ')', None) => {
                    arguments.push(Argument {
                        text: std::mem::take(&mut text),
                        range: start..self.at(),
                    });
                    if c == ')' {
                        return Ok(arguments);
                    }
                    start = self.at() + 1;
                }
                (c, _) => text.push(c),
            }
            self.skip();
        }
        Err(match quote {
            Some((at, _)) => Problem::new(at..at + 1, ProblemKind::OpenQuote),
            None => Problem::new(open, ProblemKind::OpenParenthesis),
        })
    }
}
