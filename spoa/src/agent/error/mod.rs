//! The errors of building, binding and reloading an agent.

mod bind;
mod config;
mod reload;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use bind::BindError;
#[cfg(feature = "run")]
pub(crate) use bind::{RAISE_DESCRIPTORS, descriptors_ran_out};
pub(crate) use config::{AddressError, BuildError, NetworkError};
pub(crate) use reload::ReloadError;
#[cfg(feature = "tls")]
pub(crate) use tls::TlsError;

use std::fmt;

/// An agent cannot be built, cannot listen, or cannot reload a value.
///
/// `Display` is a sentence that says what is wrong and what to do, and that includes the text of
/// [`source`](std::error::Error::source). Print one of the two, not both. `Debug` shows the kind of the
/// error and its fields.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::agent::Agent;
///
/// # #[spoe_message("ping")] fn ping() {}
/// let built = Agent::builder().handlers(handlers![ping]).listen("localhost").build();
/// let error = built.unwrap_err();
/// assert!(error.is_config() && !error.is_bind());
/// assert!(error.to_string().starts_with("`localhost` is not an address"));
/// ```
pub struct Error(Box<ErrorKind>);

/// The kind of an error, for its text and for `run!`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ErrorKind {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Reload(#[from] ReloadError),
}

impl Error {
    /// Returns whether the agent cannot be built from what the program gave: its handlers, their
    /// states, the addresses or the networks.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(
            *self.0,
            ErrorKind::Build(_) | ErrorKind::Address(_) | ErrorKind::Network(_)
        )
    }

    /// Returns whether the files of a certificate cannot be used.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(*self.0, ErrorKind::Tls(_))
    }

    /// Returns whether the agent cannot listen on an address.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        matches!(*self.0, ErrorKind::Bind(_))
    }

    /// Returns whether a reloadable value could not be made.
    #[must_use]
    pub fn is_reload(&self) -> bool {
        matches!(*self.0, ErrorKind::Reload(_))
    }

    /// Returns the name of the reloadable value that could not be made: an expression of `reload = …`
    /// or the name of a type.
    #[must_use]
    pub fn reload_part(&self) -> Option<&str> {
        match &*self.0 {
            ErrorKind::Reload(error) => Some(error.part()),
            _ => None,
        }
    }

    #[cfg(feature = "run")]
    pub(crate) fn kind(&self) -> &ErrorKind {
        &self.0
    }
}

impl<E: Into<ErrorKind>> From<E> for Error {
    fn from(error: E) -> Self {
        Error(Box::new(error.into()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.0).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
