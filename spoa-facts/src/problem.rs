//! A problem with an expression: its place, and what to write instead.

use crate::{Event, Kind, Series};
use std::fmt;
use std::ops::Range;

/// A problem with an expression.
///
/// Its text is one sentence for an error: what is wrong, then what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    range: Range<usize>,
    kind: ProblemKind,
}

/// Which kind of mistake it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// There is no name where the fetch should be.
    NoFetch,
    /// A character that belongs to no name.
    Stranger(char),
    /// No comma between this fetch or converter and what follows.
    NoComma(String),
    /// The parenthesis is not closed.
    OpenParenthesis,
    /// The quote is not closed.
    OpenQuote,
    /// A variable of the environment, whose value is not known.
    Environment,
    /// A fetch that HAProxy does not have.
    UnknownFetch {
        /// The name.
        name: String,
        /// The fetch that was meant, as it seems.
        nearest: Option<&'static str>,
        /// Whether there is a converter of that name.
        converter: bool,
    },
    /// A converter that HAProxy does not have.
    UnknownConverter {
        /// The name.
        name: String,
        /// The converter that was meant, as it seems.
        nearest: Option<&'static str>,
        /// Whether there is a fetch of that name.
        fetch: bool,
    },
    /// A fetch or a converter that other series have.
    NotInSeries {
        /// The name.
        name: String,
        /// The series that was asked for.
        series: Series,
        /// Those that have it.
        others: Vec<Series>,
    },
    /// A converter after something that it does not take.
    CannotConvert {
        /// The name.
        converter: String,
        /// The kinds that it takes.
        takes: Kind,
        /// The kind that the expression before it gives.
        gets: Kind,
    },
    /// An argument too many.
    TooManyArguments {
        /// The largest number of arguments.
        most: usize,
        /// The fetch or converter with its arguments, as HAProxy's list writes it.
        written: String,
    },
    /// An argument is missing.
    MissingArgument {
        /// The argument.
        what: &'static str,
        /// The fetch or converter with its arguments, as HAProxy's list writes it.
        written: String,
    },
    /// An argument that does not read as what it must be.
    BadArgument {
        /// The text of the argument.
        text: String,
        /// The value that it must have.
        what: &'static str,
        /// One that would do.
        example: &'static str,
    },
    /// A fetch that is not available at the event.
    NotAtEvent {
        /// The fetch.
        fetch: String,
        /// The event.
        event: Event,
        /// Those at which it has.
        others: Vec<Event>,
    },
}

impl Problem {
    pub(crate) fn new(range: Range<usize>, kind: ProblemKind) -> Self {
        Problem { range, kind }
    }

    /// Where it is, in bytes of the expression; empty at its end.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Which kind of mistake it is.
    #[must_use]
    pub fn kind(&self) -> &ProblemKind {
        &self.kind
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProblemKind::NoFetch => f.write_str("a sample fetch is missing here, such as `src`"),
            ProblemKind::Stranger(c) => write!(
                f,
                "no sample fetch or converter begins with `{}`: remove it",
                c.escape_debug()
            ),
            ProblemKind::NoComma(name) => write!(
                f,
                "a comma is missing after `{name}` and its arguments: converters follow one \
                 another as in `src,ipmask(24)`"
            ),
            ProblemKind::OpenParenthesis => {
                f.write_str("this parenthesis is not closed: write `)` after the last argument")
            }
            ProblemKind::OpenQuote => {
                f.write_str("this quote is not closed: write it once more where the text ends")
            }
            ProblemKind::Environment => f.write_str(
                "the value of an environment variable is not known here: write the value",
            ),
            ProblemKind::UnknownFetch {
                name,
                nearest,
                converter,
            } => {
                write!(f, "HAProxy has no sample fetch `{name}`")?;
                match (converter, nearest) {
                    (true, _) => write!(
                        f,
                        ": this is a converter, write the fetch before it, as in `path,{name}`"
                    ),
                    (false, Some(nearest)) => write!(f, ": did you mean `{nearest}`?"),
                    (false, None) => Ok(()),
                }
            }
            ProblemKind::UnknownConverter {
                name,
                nearest,
                fetch,
            } => {
                write!(f, "HAProxy has no converter `{name}`")?;
                match (fetch, nearest) {
                    (true, _) => {
                        f.write_str(": this is a sample fetch, which begins an expression")
                    }
                    (false, Some(nearest)) => write!(f, ": did you mean `{nearest}`?"),
                    (false, None) => Ok(()),
                }
            }
            ProblemKind::NotInSeries {
                name,
                series,
                others,
            } => {
                let others: Vec<_> = others.iter().map(Series::to_string).collect();
                write!(
                    f,
                    "HAProxy {series} does not have `{name}`, which is in {}",
                    others.join(", ")
                )
            }
            ProblemKind::CannotConvert {
                converter,
                takes,
                gets,
            } => write!(
                f,
                "`{converter}` takes {takes}, and the expression before it gives {gets}: remove it, \
                 or convert that first"
            ),
            ProblemKind::TooManyArguments { most: 0, written } => {
                write!(f, "`{written}` takes no arguments: remove the parentheses")
            }
            ProblemKind::TooManyArguments { most, written } => {
                let s = if *most == 1 { "" } else { "s" };
                write!(
                    f,
                    "`{written}` takes {most} argument{s} at most: remove the others"
                )
            }
            ProblemKind::MissingArgument { what, written } => {
                write!(
                    f,
                    "{} `{what}` is missing: write `{written}`",
                    article(what)
                )
            }
            ProblemKind::BadArgument {
                text,
                what,
                example,
            } => {
                let article = article(what);
                match text.as_str() {
                    "" => write!(
                        f,
                        "{article} `{what}` is missing: write for instance `{example}`"
                    ),
                    text => write!(
                        f,
                        "`{text}` is not {article} `{what}`: write for instance `{example}`"
                    ),
                }
            }
            ProblemKind::NotAtEvent {
                fetch,
                event,
                others,
            } => {
                write!(f, "`{fetch}` is not available at `{event}`")?;
                let others: Vec<_> = others.iter().map(|event| format!("`{event}`")).collect();
                match others.as_slice() {
                    [] => f.write_str(", nor at any other event: take another fetch"),
                    others => write!(f, ": send the message at {}", others.join(", ")),
                }
            }
        }
    }
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'I']) {
        "an"
    } else {
        "a"
    }
}
