//! Messages whose handlers failed, and the actions that `on_failure` gives for them.

use super::{ActionWriter, Context, Description, Failure, IntoActions};
use crate::spop::Name;

/// A message whose handler failed, as the function of
/// [`AgentBuilder::on_failure`](crate::agent::AgentBuilder::on_failure) gets it.
///
/// ```
/// use spoa::agent::FailedMessage;
/// use spoa::prelude::*;
///
/// fn on_failure(failed: &FailedMessage<'_>) -> SetVar<String> {
///     SetVar::transaction("agent_error", format!("{}: {}", failed.message_name(), failed.failure()))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FailedMessage<'a> {
    failure: &'a Failure,
    message: Name<'a>,
    context: Context<'a>,
}

impl<'a> FailedMessage<'a> {
    pub(crate) fn new(failure: &'a Failure, message: Name<'a>, context: Context<'a>) -> Self {
        FailedMessage {
            failure,
            message,
            context,
        }
    }

    /// Returns why the handler failed.
    #[must_use]
    pub fn failure(&self) -> &'a Failure {
        self.failure
    }

    /// Returns the name of the message.
    #[must_use]
    pub fn message_name(&self) -> Name<'a> {
        self.message
    }

    /// Returns the connection and the frame that the message came with.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }
}

/// Gives the actions of a message whose handler failed, for all handlers of an agent.
pub(crate) type OnFailure =
    Box<dyn Fn(&FailedMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure> + Send + Sync>;

/// A use of the `on_failure` of one handler. The macro writes the function in one place only, so that the compiler
/// reports a mistake in it once.
#[doc(hidden)]
#[derive(Debug)]
pub enum OnFailureUse<'a, 'w> {
    /// Gives the actions of a message whose handler failed.
    Give(&'a FailedMessage<'a>, &'a mut ActionWriter<'w>),
    /// Describes the variables that it may set.
    Describe(&'a mut Description),
}

impl OnFailureUse<'_, '_> {
    /// Calls or describes the function, depending on the use.
    ///
    /// # Errors
    /// The failure of its actions.
    #[doc(hidden)]
    pub fn of<A: IntoActions>(
        self,
        on_failure: impl Fn(&FailedMessage<'_>) -> A,
    ) -> Result<(), Failure> {
        match self {
            OnFailureUse::Give(failed, out) => on_failure(failed).into_actions(out),
            OnFailureUse::Describe(description) => {
                A::describe(description);
                Ok(())
            }
        }
    }
}
