//! A handler as the agent sees it: its message, its function, and how to run it.

use super::description::VariableDescription;
use super::failed_message::OnFailureUse;
use super::{ActionWriter, Description, Failure, IncomingMessage, Job, JobFuture, Presence};
use std::time::Duration;

/// The definition of a handler, which `#[spoe_message]` or `#[spoe_fallback]` generates beside its function.
#[derive(Debug)]
pub struct Definition {
    #[doc(hidden)]
    pub message: Option<&'static str>,
    #[doc(hidden)]
    pub function: &'static str,
    #[doc(hidden)]
    pub file: &'static str,
    #[doc(hidden)]
    pub line: u32,
    #[doc(hidden)]
    pub docs: &'static str,
    #[doc(hidden)]
    pub timeout: Option<Duration>,
    #[doc(hidden)]
    pub event: Option<&'static str>,
    #[doc(hidden)]
    pub condition: Option<&'static str>,
    #[doc(hidden)]
    pub group: Option<&'static str>,
    #[doc(hidden)]
    /// The variables that the source of the function names.
    pub variables: &'static [VariableDescription],
    #[doc(hidden)]
    /// Gives the actions for a message if this handler fails. `None` uses the agent's `on_failure`.
    pub on_failure: Option<fn(OnFailureUse<'_, '_>) -> Result<(), Failure>>,
    #[doc(hidden)]
    /// The variables that the source of `on_failure` names.
    pub failure_variables: &'static [VariableDescription],
    #[doc(hidden)]
    pub describe: fn(&mut Description),
    #[doc(hidden)]
    pub run: Run,
}

impl Definition {
    /// A handler that sets nothing and needs no state, for a message without a name.
    pub(crate) const EMPTY: Definition = Definition {
        message: Some(""),
        function: "",
        file: "",
        line: 0,
        docs: "",
        timeout: None,
        event: None,
        condition: None,
        group: None,
        variables: &[],
        on_failure: None,
        failure_variables: &[],
        describe: |_| {},
        run: Run::Sync(|_, _| Ok(())),
    };

    /// Returns the name of the message that the handler answers; `None` for the fallback.
    #[must_use]
    pub fn message_name(&self) -> Option<&'static str> {
        self.message
    }

    /// Returns the path of the function.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// Returns the name of the function, without its path.
    pub(crate) fn short_name(&self) -> &'static str {
        self.function.rsplit("::").next().unwrap_or_default()
    }

    /// Returns the file and the line of the function.
    #[must_use]
    pub fn location(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// Returns the doc comment of the function.
    #[must_use]
    pub fn docs(&self) -> &'static str {
        self.docs
    }

    /// Returns the timeout of the handler, if it has one of its own.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the event at which HAProxy sends the message, such as `on-frontend-http-request`.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.event
    }

    /// Returns the condition for sending the message, with the `if` or `unless` before it.
    #[must_use]
    pub fn condition(&self) -> Option<&'static str> {
        self.condition
    }

    /// Returns the group of a message that a rule of HAProxy sends, instead of an event.
    #[must_use]
    pub fn group(&self) -> Option<&'static str> {
        self.group
    }

    /// Returns the arguments, states and variables of the handler.
    #[doc(hidden)]
    #[must_use]
    pub fn description(&self) -> Description {
        let mut description = Description::default();
        (self.describe)(&mut description);
        description.name_samples(self.event);
        description.share_arguments();
        // `Always` in `self.variables` means that the function returns this variable and nothing else.
        if self
            .variables
            .iter()
            .any(|it| it.presence == Presence::Always)
        {
            description.open = false;
        }
        for variable in self.variables {
            let mut known = description.variables.iter();
            if known.all(|known| (known.scope, known.name) != (variable.scope, variable.name)) {
                // The macro found the name in the function's body. Only with `Always` is it certainly the
                // name of the returned variable, and the return type tells whether that is set.
                let presence = match (variable.presence, description.returns) {
                    (Presence::Always, returns) => returns,
                    (_, Presence::Sometimes) => Presence::Sometimes,
                    _ => Presence::Unknown,
                };
                description.variables.push(VariableDescription {
                    presence,
                    ..*variable
                });
            }
        }
        self.describe_failure(&mut description);
        description
    }

    /// Adds the variables of the handler's own `on_failure`.
    fn describe_failure(&self, description: &mut Description) {
        let Some(on_failure) = self.on_failure else {
            return;
        };
        let mut failure = Description::default();
        // Describing the variables cannot fail.
        let _ = on_failure(OnFailureUse::Describe(&mut failure));
        let named = self.failure_variables.iter();
        // `Always` in `failure_variables` means that the closure gives this variable and nothing else.
        failure.open &= named.clone().all(|it| it.presence != Presence::Always);
        for variable in named {
            failure.variable(*variable);
        }
        description.fails_with(failure);
    }
}

/// A handler. `#[spoe_message]` implements the trait for a type with the name of the function.
#[diagnostic::on_unimplemented(
    message = "a handler is a function with `#[spoe_message(\"…\")]` or `#[spoe_fallback]`",
    label = "this item has neither",
    note = "write `#[spoe_message(\"name-of-the-message\")]` above the function"
)]
pub trait Handler {
    /// The definition of the handler.
    const DEFINITION: &'static Definition;
}

/// The trait that the macros implement. [`Handler`] follows from it, so that an error about a function
/// without an attribute does not list all handlers.
#[doc(hidden)]
pub trait Defined {
    const DEFINITION: &'static Definition;
}

#[diagnostic::do_not_recommend]
impl<T: Defined> Handler for T {
    const DEFINITION: &'static Definition = T::DEFINITION;
}

/// The way in which a handler runs.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// As a call on the connection's thread.
    Sync(fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>),
    /// As a future that owns its message.
    Async(fn(Box<Job>) -> JobFuture),
    /// As a call on tokio's blocking pool.
    Blocking(fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>),
}
