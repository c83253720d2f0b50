//! What an agent is made of, while it is put together.

use super::user_options::Shared;
use crate::agent::AgentBuilder;
use crate::handler::{Failure, HandlerError};
use std::any::{Any, type_name};
use std::pin::Pin;

/// Makes an agent's state and services.
pub(super) type MakeSetup = Box<dyn FnOnce(Setup) -> SettingUp>;

/// A setup that is being made.
pub(super) type SettingUp = Pin<Box<dyn Future<Output = Result<Setup, ConfigureError>>>>;

/// An agent that is put together: its builder, and the program's own options.
/// [`Program::agent`](super::Program::agent) passes it to a function, which adds to it and returns it.
#[must_use = "the function returns it"]
pub struct Setup {
    pub(super) builder: AgentBuilder,
    /// The program's own options. They live as long as the program, so that its tasks can name them.
    options: Option<&'static (dyn Any + Send + Sync)>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}

impl Setup {
    pub(super) fn new(builder: AgentBuilder, options: Option<Shared>) -> Self {
        let kept = options.clone().map(|options| {
            let kept: &'static Shared = Box::leak(Box::new(options));
            &**kept
        });
        let builder = match options {
            Some(options) => builder.shared_state(options),
            None => builder,
        };
        Setup {
            builder,
            options: kept,
        }
    }

    /// Returns the program's own options.
    ///
    /// # Panics
    /// If the program was given no [`options`](super::Program::options) of this type.
    #[must_use]
    pub fn options<T: Send + Sync + 'static>(&self) -> &'static T {
        let options = self.options.and_then(|options| options.downcast_ref());
        options.unwrap_or_else(|| {
            panic!(
                "the program has no options of type `{}`: call `Program::options` with it",
                type_name::<T>()
            )
        })
    }

    /// Changes the agent's builder: adds state, sets limits.
    pub fn agent(mut self, change: impl FnOnce(AgentBuilder) -> AgentBuilder) -> Self {
        self.builder = change(self.builder);
        self
    }
}

/// A part of an agent that could not be made: `state = …` or `reload = …` of `run!`, or a function of
/// `Program::agent`.
#[derive(Debug)]
pub struct ConfigureError(pub(super) String);

impl ConfigureError {
    /// The failure of an expression, as the user wrote it.
    pub fn state(expression: &'static str, error: HandlerError) -> Self {
        let failure = Failure::Error(error.into_inner());
        ConfigureError(format!("`state = {expression}` failed: {failure}"))
    }
}

/// Adds the value of `reload = …` of `run!`: the expression as the user wrote it, and as a function.
///
/// It is not an `async fn`: the compiler would report each wrong type twice.
pub fn reload<T, F>(setup: Setup, expression: &'static str, make: F) -> SettingUp
where
    T: Send + Sync + 'static,
    F: AsyncFn() -> Result<T, HandlerError> + Send + Sync + 'static,
{
    let name = format!("reload = {expression}");
    Box::pin(async move {
        let Setup { builder, options } = setup;
        match builder.reloadable_as(Some(name), make).await {
            Ok(builder) => Ok(Setup { builder, options }),
            Err(error) => Err(ConfigureError(error.to_string())),
        }
    })
}
