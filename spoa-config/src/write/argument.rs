//! One word after `args`: an argument with its sample, or a placeholder for it.

use crate::{Argument, Expected};
use spoa_facts::Expression;

/// One word after `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    /// An argument with a known sample.
    Known {
        /// The name; `None` for an argument that is taken by its position.
        name: Option<String>,
        /// The sample, as one word.
        sample: String,
    },
    /// A placeholder that HAProxy accepts, and the argument that it stands for.
    Placeholder(String, String),
    /// The name of an argument that is not sent, since the handler runs without it.
    Left(String),
}

impl Arg {
    /// Returns the argument with its sample, or the sample that its type suggests.
    pub(super) fn of(argument: &Argument) -> Option<Self> {
        let sample = argument.sample.as_ref().or(argument.guess.as_ref())?;
        Some(Arg::Known {
            name: name(argument).map(str::to_owned),
            sample: one_word(sample),
        })
    }

    /// Returns an argument without a sample: a placeholder if it has to keep its place or the handler needs
    /// it.
    pub(super) fn without_sample(argument: &Argument, keeps_place: bool) -> Self {
        let shown = shown(argument);
        if !argument.required && !keeps_place {
            return Arg::Left(shown);
        }
        Arg::Placeholder(word(name(argument), placeholder(argument.expected)), shown)
    }

    /// Returns a word for a position that no argument takes.
    pub(super) fn filler() -> Self {
        Arg::Known {
            name: None,
            sample: "str()".to_owned(),
        }
    }

    /// Returns the word in the line.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Arg::Known { name, sample } => Some(word(name.as_deref(), sample)),
            Arg::Placeholder(word, _) => Some(word.clone()),
            Arg::Left(_) => None,
        }
    }

    /// Returns the sample, if it is known.
    pub(super) fn sample(&self) -> Option<&str> {
        match self {
            Arg::Known { sample, .. } => Some(sample),
            _ => None,
        }
    }

    /// Returns the name in the message, which may be empty.
    pub(super) fn name(&self) -> &str {
        match self {
            Arg::Known {
                name: Some(name), ..
            } => name,
            _ => "",
        }
    }

    /// Returns the sample as an expression, if HAProxy's tables know it.
    pub(super) fn expression(&self) -> Option<Expression> {
        Expression::parse(self.sample()?).ok()
    }

    /// Returns whether the sample begins with one of these fetches.
    pub(super) fn fetches(&self, names: &[&str]) -> bool {
        let sample = self.sample().unwrap_or_default();
        let fetch = sample.split(['(', ',']).next().unwrap_or_default();
        names.contains(&fetch)
    }
}

/// Returns the name of an argument that is taken by it.
fn name(argument: &Argument) -> Option<&str> {
    argument
        .name
        .as_deref()
        .filter(|_| argument.index.is_none())
}

fn word(name: Option<&str>, sample: &str) -> String {
    match name {
        Some(name) => format!("{name}={sample}"),
        None => sample.to_owned(),
    }
}

/// Returns the name or the position of an argument, for a warning.
pub(super) fn shown(argument: &Argument) -> String {
    match (&argument.name, argument.index) {
        (_, Some(index)) => format!("at position {index}"),
        (name, None) => name.clone().unwrap_or_default(),
    }
}

/// Returns the attribute that would give an argument its sample.
pub(super) fn attribute(argument: &Argument) -> String {
    match argument.index {
        Some(index) => format!("#[arg(index = {index}, sample = \"…\")]"),
        None => "#[arg(sample = \"…\")]".to_owned(),
    }
}

/// Returns a path as one word of a line, with its blanks, quotes, `#` and `\` escaped.
pub(super) fn path_word(path: &str) -> String {
    let mut word = String::new();
    for c in path.chars() {
        if matches!(c, ' ' | '#' | '\\' | '"' | '\'') {
            word.push('\\');
        }
        word.push(c);
    }
    word
}

/// Returns a text as one word of a line: blanks outside of quotes would end it, and `#` would end the line.
pub(super) fn one_word(text: &str) -> String {
    let (mut word, mut quote, mut escaped) = (String::new(), None, false);
    for c in text.trim().chars() {
        match (quote, c) {
            _ if escaped => {}
            (None, ' ' | '#') => word.push('\\'),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped && quote != Some('\'');
        word.push(c);
    }
    word
}

/// Returns a sample of the type that HAProxy takes anywhere.
pub(super) fn placeholder(expected: Expected) -> &'static str {
    match expected {
        Expected::Bool => "bool(false)",
        Expected::Integer => "int(0)",
        Expected::Address | Expected::Ipv4 => "ipv4(0.0.0.0)",
        Expected::Ipv6 => "ipv6(::)",
        _ => "str()",
    }
}
