//! A message whose handler failed, as `on_failure` is shown it.

use crate::handler::{ActionWriter, Context, Failure};
use crate::spop::Name;

/// A message whose handler failed, as [`AgentBuilder::on_failure`](crate::agent::AgentBuilder::on_failure)
/// is shown it.
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

    /// Returns where the message came from.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }
}

/// Gives the actions of a message whose handler failed.
pub(crate) type OnFailure =
    Box<dyn Fn(&FailedMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure> + Send + Sync>;
