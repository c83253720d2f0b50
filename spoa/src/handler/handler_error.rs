//! Errors that a handler returns.

use std::fmt;

/// An error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error of any kind. `?` and `into` make one from anything that converts into a [`BoxError`]: every
/// [`std::error::Error`], a text, `anyhow::Error`, `Box<dyn Error + Send + Sync>`. Its sources are kept.
///
/// A handler can also return `Result` with an error type of its own, `anyhow::Error`, `String` or
/// `Box<dyn Error + Send + Sync>`.
///
/// ```
/// use spoa::prelude::*;
///
/// fn port(text: &str) -> Result<SetVar<u16>, HandlerError> {
///     if text.is_empty() {
///         return Err("there is no port".into());
///     }
///     let port = text.parse().map_err(HandlerError::new)?;
///     // `?` converts the error by itself, too:
///     let _: u16 = text.parse()?;
///     Ok(SetVar::transaction("port", port))
/// }
/// assert!(port("http").is_err());
/// ```
pub struct HandlerError(BoxError);

impl HandlerError {
    /// Makes an error from a text, an error, or anything else that converts into a [`BoxError`].
    pub fn new(error: impl Into<BoxError>) -> Self {
        HandlerError(error.into())
    }

    /// Returns the error that was converted.
    ///
    /// ```
    /// use spoa::HandlerError;
    ///
    /// let error = HandlerError::from("no database").into_inner();
    /// assert_eq!(error.to_string(), "no database");
    /// ```
    #[must_use]
    pub fn into_inner(self) -> BoxError {
        self.0
    }
}

// With this, `?` and `into` take texts and boxes, not only errors. The compiler accepts it because `HandlerError`
// does not convert into a `BoxError` by `into`; `into_inner` does that.
impl<E: Into<BoxError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        HandlerError(error.into())
    }
}

/// Converts the error for a `main` or a test that returns `Result<(), Box<dyn Error>>`.
impl From<HandlerError> for Box<dyn std::error::Error> {
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

/// An error in the `Result` of a handler: any type that converts into a [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a handler can return",
    label = "not an error",
    note = "implement `std::error::Error` for it (`thiserror` does), or return `spoa::HandlerError`, `anyhow::Error`, `String` or `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoHandlerError {
    /// Returns the error as the agent logs it.
    fn into_handler_error(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl IntoHandlerError for HandlerError {
    fn into_handler_error(self) -> BoxError {
        self.0
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoHandlerError for E {
    fn into_handler_error(self) -> BoxError {
        self.into()
    }
}
