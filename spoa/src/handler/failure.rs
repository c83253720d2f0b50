//! Why a handler gave no actions.

use super::Rejection;
use crate::spop::Scope;
use std::fmt;
use std::time::Duration;

/// An error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a handler gave no actions. The NOTIFY is answered all the same.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The message does not have what the handler takes.
    Rejected(Rejection),
    /// The handler returned an error. Its text is logged: let it not repeat what arguments hold, if
    /// that is nobody's business. The agent's own texts never do.
    Error(BoxError),
    /// The handler panicked, with this message, which is logged too: `expect` and `assert_eq!` show the
    /// values they are given.
    Panicked(String),
    /// The handler was not done within its deadline, its own or `Limits::handler_timeout`.
    TimedOut(Duration),
    /// The agent stops, and the handler was not done within
    /// [`Limits::drain`](crate::agent::Limits::drain).
    Stopped(Duration),
    /// The handler named a variable that HAProxy would drop without a word.
    BadVariable(BadVariable),
    /// The handler was not begun: more is to be done at once than the agent allows, or can do in
    /// time.
    Overloaded(Overload),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Rejected(rejection) => rejection.fmt(f),
            Failure::Error(error) => {
                error.fmt(f)?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
            Failure::Panicked(message) => write!(f, "panicked: {message}"),
            Failure::TimedOut(deadline) => write!(
                f,
                "not done within {deadline:?}: make it faster, or give it longer with `timeout = …` \
                 in its attribute or `--handler-timeout`, below `timeout processing` in spoe.conf"
            ),
            Failure::Stopped(drain) => write!(
                f,
                "not done within the {drain:?} that the agent waits when it stops: make it faster, \
                 or have the agent wait longer with `--drain-timeout`"
            ),
            Failure::BadVariable(bad) => bad.fmt(f),
            Failure::Overloaded(overload) => overload.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// The same failure once more; of an error only its text, for its type is not known.
    pub(crate) fn copied(&self) -> Failure {
        match self {
            Failure::Rejected(rejection) => Failure::Rejected(rejection.clone()),
            Failure::Error(_) => Failure::Error(self.to_string().into()),
            Failure::Panicked(message) => Failure::Panicked(message.clone()),
            Failure::TimedOut(deadline) => Failure::TimedOut(*deadline),
            Failure::Stopped(drain) => Failure::Stopped(*drain),
            Failure::BadVariable(bad) => Failure::BadVariable(bad.clone()),
            Failure::Overloaded(overload) => Failure::Overloaded(*overload),
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Failure::Rejected(rejection)
    }
}

impl From<Overload> for Failure {
    fn from(overload: Overload) -> Self {
        Failure::Overloaded(overload)
    }
}

impl From<BadVariable> for Failure {
    fn from(bad: BadVariable) -> Self {
        Failure::BadVariable(bad)
    }
}

/// Why a handler was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Overload {
    /// The connection's bound, [`Limits::max_inflight`](crate::agent::Limits::max_inflight).
    #[error("{0} NOTIFYs of its connection wait, the most allowed (`--max-inflight`)")]
    Connection(usize),
    /// The bound of all, [`Limits::max_inflight_total`](crate::agent::Limits::max_inflight_total).
    #[error("{0} handlers are at work, the most allowed (`--max-inflight-total`)")]
    Total(usize),
    /// The bound of bytes,
    /// [`Limits::max_buffered_total`](crate::agent::Limits::max_buffered_total).
    #[error("{0} bytes are kept for all connections, the most allowed (`--max-buffered-total`)")]
    Bytes(usize),
    /// [`Limits::max_blocking`](crate::agent::Limits::max_blocking).
    #[error("{0} blocking handlers are at work, the most allowed (`--max-blocking`)")]
    Blocking(usize),
    /// The bound of one NOTIFY, which is no option.
    #[error("{0} handlers of its NOTIFY wait, the most allowed")]
    Notify(usize),
    /// Too many of this handler missed their deadline, and those at work already are as many as it
    /// finished in time lately.
    #[error(
        "it misses its deadline, and as many are at work as it can do in time; see what it waits for"
    )]
    Deadline,
}

/// A variable's name that HAProxy would not take.
///
/// HAProxy makes `scope.prefix.name` of it, takes letters, digits, `_` and `.` only and 63
/// characters in all, and drops any other without a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HAProxy drops the variable `{scope}.{}`: {problem}", name.escape_debug())]
pub struct BadVariable {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("its name is empty")]
    Empty,
    #[error("`{}` cannot stand in a name; use letters, digits, `_` and `.`", .0.escape_debug())]
    Character(char),
    #[error("with its scope and a prefix it has more than 63 characters; shorten it to {0}")]
    Long(usize),
}

/// An error of any kind, made by `?` from whatever implements [`std::error::Error`], or from a text.
///
/// A handler may as well return `Result` with an error type of its own, `anyhow::Error`, `String` or
/// `Box<dyn Error + Send + Sync>`.
///
/// ```
/// use spoa::prelude::*;
///
/// fn port(text: &str) -> Result<SetVar<u16>, HandlerError> {
///     Ok(SetVar::transaction("port", text.parse()?))
/// }
/// assert!(port("http").is_err());
/// ```
pub struct HandlerError(BoxError);

impl HandlerError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        HandlerError(message.into().into())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        HandlerError(Box::new(error))
    }
}

impl From<HandlerError> for BoxError {
    fn from(error: HandlerError) -> Self {
        error.0
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What may stand as the error in a handler's `Result`: whatever turns into a [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error that a handler can return",
    label = "not an error",
    note = "implement `std::error::Error` for it (`thiserror` does), or return `spoa::HandlerError`, `anyhow::Error`, `String` or `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoHandlerError {
    /// The error as the agent logs it.
    fn into_handler_error(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoHandlerError for E {
    fn into_handler_error(self) -> BoxError {
        self.into()
    }
}
