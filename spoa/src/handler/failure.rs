//! The reason why a handler failed, and its text.

use super::error_text::error_text;
use super::{BadVariable, BoxError, Rejection};
use std::fmt;
use std::time::Duration;

/// The reason why a handler failed. The agent still answers the NOTIFY.
///
/// `Display` always succeeds: if the `Display` of a handler's own error panics or fails, the text says so.
/// Line breaks are kept; the log escapes them.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// An argument that the handler takes is missing or does not convert.
    Rejected(Rejection),
    /// The handler returned an error. The agent logs its text and those of its sources, up to 4096 bytes, so
    /// keep secret values of arguments out of them. The agent's own texts never contain values.
    Error(BoxError),
    /// The handler panicked with this message. The agent logs it, so keep secrets out: `expect` and `assert_eq!`
    /// show the values that they are given.
    Panicked(String),
    /// The handler did not finish within its own timeout or `Limits::handler_timeout`.
    TimedOut(Duration),
    /// The agent stopped, and the handler did not finish within
    /// [`Limits::drain_timeout`](crate::agent::Limits::drain_timeout).
    Stopped(Duration),
    /// The handler named a variable that HAProxy would drop silently.
    BadVariable(BadVariable),
    /// The handler was not started, since the agent was already running as many handlers as its limits allow or
    /// as can finish in time.
    Overloaded(Overload),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Rejected(rejection) => rejection.fmt(f),
            Failure::Error(error) => f.write_str(&error_text(&**error)),
            Failure::Panicked(message) => write!(f, "panicked: {message}"),
            Failure::TimedOut(deadline) => write!(
                f,
                "timed out: not done within {deadline:?}; make it faster, or give it longer with \
                 `timeout = …` in its attribute or `--handler-timeout`, below `timeout processing` in \
                 spoe.conf"
            ),
            Failure::Stopped(drain) => write!(
                f,
                "timed out: not done within the {drain:?} that the agent waits when it stops; make it \
                 faster, or have the agent wait longer with `--drain-timeout`"
            ),
            Failure::BadVariable(bad) => bad.fmt(f),
            Failure::Overloaded(overload) => write!(f, "overloaded: {overload}"),
        }
    }
}

impl std::error::Error for Failure {
    /// Returns the handler's own error, for `downcast_ref`. The text of a failure already has the texts of all
    /// its sources.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Failure::Error(error) => Some(&**error),
            Failure::Rejected(rejection) => Some(rejection),
            Failure::BadVariable(bad) => Some(bad),
            Failure::Overloaded(overload) => Some(overload),
            Failure::Panicked(_) | Failure::TimedOut(_) | Failure::Stopped(_) => None,
        }
    }
}

impl Failure {
    /// Returns a copy. The copy of a handler's error has only its text, since a boxed error cannot be cloned.
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

/// The reason why a handler was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Overload {
    /// The limit of the connection, [`Limits::max_in_flight`](crate::agent::Limits::max_in_flight).
    #[error("{0} NOTIFYs of its connection wait, which is the limit (`--max-in-flight`)")]
    Connection(usize),
    /// The limit of all connections together,
    /// [`Limits::max_in_flight_total`](crate::agent::Limits::max_in_flight_total).
    #[error("{0} handlers are running, which is the limit (`--max-in-flight-total`)")]
    Total(usize),
    /// The limit of bytes,
    /// [`Limits::max_buffered_total`](crate::agent::Limits::max_buffered_total).
    #[error("{0} bytes are kept for all connections, which is the limit (`--max-buffered-total`)")]
    Bytes(usize),
    /// The limit of blocking handlers, [`Limits::max_blocking`](crate::agent::Limits::max_blocking), while the
    /// queue of [`Limits::max_blocking_queue`](crate::agent::Limits::max_blocking_queue) is full as well.
    #[error(
        "{0} blocking handlers are running, which is the limit (`--max-blocking`), and the queue for them is full \
         (`--max-blocking-queue`)"
    )]
    Blocking(usize),
    /// The limit of one NOTIFY, which is not an option.
    #[error("{0} handlers of its NOTIFY wait, which is the limit")]
    Notify(usize),
    /// Too many messages of this handler missed their deadline, and as many are already running as it
    /// recently finished in time.
    #[error(
        "the handler misses its deadline, and as many of its messages are running as it can finish in time; \
         find out what it waits for"
    )]
    Deadline,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{HandlerError, IntoHandlerError};
    use crate::text::MOST;
    use std::error::Error;

    /// An error with a text and a source.
    #[derive(Debug)]
    struct Because(String, Option<Box<Because>>);

    impl fmt::Display for Because {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl Error for Because {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    fn because(texts: &[&str]) -> Because {
        let (text, sources) = texts.split_first().expect("an error has a text");
        let source = (!sources.is_empty()).then(|| Box::new(because(sources)));
        Because((*text).to_owned(), source)
    }

    fn shown(texts: &[&str]) -> String {
        Failure::Error(because(texts).into()).to_string()
    }

    #[test]
    fn a_source_that_its_error_shows_already_is_not_shown_twice() {
        for (texts, text) in [
            (&["broken pipe", "broken pipe"][..], "broken pipe"),
            (&["a", "b", "c"], "a: b: c"),
            (
                &[
                    "cannot ask: refused (os error 111)",
                    "refused (os error 111)",
                ],
                "cannot ask: refused (os error 111)",
            ),
            (&["cannot", "no"], "cannot: no"),
            (&["a: b", "b", "c"], "a: b: c"),
            (&["", "b"], "an error without a text: b"),
        ] {
            assert_eq!(shown(texts), text);
        }
    }

    /// An error with an endless text, which is its own source.
    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("and so on ")?;
            }
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn endless_texts_are_cut() {
        let text = Failure::Error(Endless.into()).to_string();
        assert!(text.ends_with('…') && text.len() < MOST + 100, "{text}");
        let long = "x".repeat(MOST);
        assert_eq!(shown(&[&long, "cause"]), format!("{long}: …"));
        assert_eq!(shown(&[&"x".repeat(MOST + 1)]), format!("{long}…"));
    }

    #[test]
    fn the_source_of_a_failure_is_the_error_itself() {
        let failure = Failure::Error(because(&["outer", "inner"]).into());
        let source = failure
            .source()
            .and_then(|source| source.downcast_ref::<Because>());
        assert_eq!(source.unwrap().to_string(), "outer");
        let failure = Failure::from(Overload::Total(3));
        assert!(failure.source().unwrap().is::<Overload>());
        assert!(Failure::Panicked("x".to_owned()).source().is_none());
    }

    #[test]
    fn the_errors_of_other_crates_are_handler_errors_with_their_sources() {
        fn handler(error: anyhow::Error) -> Result<(), HandlerError> {
            Err(error)?;
            Ok(())
        }
        let error = anyhow::Error::new(because(&["outer", "inner"])).context("context");
        let error = handler(error).unwrap_err();
        assert_eq!(format!("{error:?}").lines().next(), Some("context"));
        let failure = Failure::Error(error.into_handler_error());
        assert_eq!(failure.to_string(), "context: outer: inner");
        let returned = Failure::Error(anyhow::anyhow!("no database").into_handler_error());
        assert_eq!(returned.to_string(), "no database");
    }

    #[test]
    fn anything_that_converts_into_a_boxed_error_is_a_handler_error() -> Result<(), HandlerError> {
        let texts = [
            HandlerError::new("text").to_string(),
            HandlerError::new(String::from("text")).to_string(),
            HandlerError::from("text").to_string(),
            HandlerError::from(BoxError::from("text")).to_string(),
        ];
        assert_eq!(texts, ["text"; 4]);
        let error = HandlerError::new(because(&["outer", "inner"]));
        assert_eq!(
            Failure::Error(error.into_handler_error()).to_string(),
            "outer: inner"
        );
        // One function can use `?` with all of them.
        Ok::<(), HandlerError>(())?;
        Ok::<(), String>(())?;
        Ok::<(), &str>(())?;
        Ok::<(), BoxError>(())?;
        Ok::<(), fmt::Error>(()).map_err(HandlerError::new)?;
        Ok(())
    }
}
