//! The answer of an agent as a test sees it, and the reasons for having none.

use crate::client::{Ack, Error as ClientError, OwnedAction, OwnedValue};
use crate::handler::{Failure, FromValue};
use crate::spop::Scope;
use crate::unanswered::Unanswered;
use std::any::type_name;
use std::fmt;

/// The agent's answer to one NOTIFY, and the handlers that failed.
#[derive(Debug)]
pub struct Answer {
    pub(super) ack: Ack,
    pub(super) failures: Vec<MessageFailure>,
}

impl Answer {
    /// Returns the value of a variable after this answer, converted as an argument of a handler would be: `None` if
    /// it is not set, or unset.
    ///
    /// The name is written as in HAProxy's rules, but without the engine's prefix: `sess.ip_score`.
    ///
    /// # Panics
    /// If the value does not convert, or `variable` is not the name of a variable.
    #[track_caller]
    #[must_use]
    pub fn get<'a, T: FromValue<'a>>(&'a self, variable: &str) -> Option<T> {
        let value = self.value(variable)?;
        match T::from_value(value.as_value()) {
            Ok(converted) => Some(converted),
            Err(_) => panic!(
                "`{variable}` is {value} ({}), which is not a `{}`",
                value.data_type(),
                type_name::<T>()
            ),
        }
    }

    /// Returns the value of a variable after this answer, as it is on the wire: `None` if it is not set, or unset.
    ///
    /// # Panics
    /// If `variable` is not the name of a variable.
    #[track_caller]
    #[must_use]
    pub fn value(&self, variable: &str) -> Option<&OwnedValue> {
        let scope = variable
            .split_once('.')
            .and_then(|(scope, _)| Scope::from_name(scope));
        assert!(
            scope.is_some(),
            "`{variable}` is not a variable: write `proc.`, `sess.`, `txn.`, `req.` or `res.` and its \
             name without the engine's prefix"
        );
        self.ack.get(variable)
    }

    /// Returns all actions, in the order in which HAProxy would apply them.
    #[must_use]
    pub fn actions(&self) -> &[OwnedAction] {
        &self.ack.actions
    }

    /// Returns the ACK itself.
    #[must_use]
    pub fn ack(&self) -> &Ack {
        &self.ack
    }

    /// Returns the messages whose handlers failed, and why. The actions that `on_failure` gave instead are among the [`actions`](Answer::actions).
    #[must_use]
    pub fn failures(&self) -> &[MessageFailure] {
        &self.failures
    }

    /// Returns why the handler failed; `None` if none did. Of several failures, the first.
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::testing::TestAgent;
    /// use spoa::handler::Failure;
    ///
    /// #[spoe_message("check")]
    /// fn check(port: u16) {}
    ///
    /// let answer = TestAgent::new(handlers![check]).call_blocking("check", &[]).unwrap();
    /// assert!(matches!(answer.failure(), Some(Failure::Rejected(_))));
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failures.first().map(|failed| &failed.failure)
    }
}

/// A message whose handler failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessageFailure {
    /// The name of the message.
    pub message: String,
    /// Why. Of a handler's own error, only the text is kept.
    pub failure: Failure,
}

impl fmt::Display for MessageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            // Its text names the message.
            Failure::Rejected(rejection) => rejection.fmt(f),
            failure => write!(f, "message `{}`: {failure}", self.message),
        }
    }
}

/// Why a message could not be sent to an agent, or was not answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// No handler answers the message, and there is no fallback.
    Unknown {
        /// The message.
        message: String,
        /// Those that are answered.
        known: Vec<&'static str>,
    },
    /// Anything else, such as more arguments or bytes than a message can have.
    Client(ClientError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Unknown { message, known } => Unanswered { message, known }.fmt(f),
            CallError::Client(error) => error.fmt(f),
        }
    }
}

// The text of a client's error is the text of this one, so its source is, too.
impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Client(error) => error.source(),
            CallError::Unknown { .. } => None,
        }
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        CallError::Client(error)
    }
}
