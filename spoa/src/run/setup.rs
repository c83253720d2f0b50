//! An agent that is being put together: its builder, the program's own options, its services.

use super::service::{ServiceOutcome, ServiceToStart, Serving};
use super::user_options::Shared;
use crate::agent::{AgentBuilder, Renewal};
use crate::handler::{Failure, HandlerError, IntoHandlerError};
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
    pub(super) services: Vec<ServiceToStart>,
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
            services: Vec::new(),
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

    /// Adds a state that is made now, and again by SIGHUP and as the [`Renewal`] says.
    ///
    /// ```
    /// use spoa::agent::Renewal;
    /// use spoa::prelude::*;
    /// use spoa::run::{Program, Setup};
    /// use std::time::Duration;
    ///
    /// struct Rules(String);
    ///
    /// async fn agent(setup: Setup) -> Result<Setup, HandlerError> {
    ///     let renewal = Renewal::new().every(Duration::from_secs(60)).watch("/etc/rules");
    ///     setup.renewed(renewal, async || {
    ///         let text = std::fs::read_to_string("/etc/rules")?;
    ///         Ok::<_, std::io::Error>(Rules(text))
    ///     }).await
    /// }
    ///
    /// let program = Program::new("rules", "1.0.0").agent(agent);
    /// ```
    ///
    /// # Errors
    /// A [`HandlerError`] if the first value cannot be made.
    pub async fn renewed<T, E, F>(
        mut self,
        renewal: Renewal,
        make: F,
    ) -> Result<Setup, HandlerError>
    where
        T: Send + Sync + 'static,
        E: IntoHandlerError,
        F: AsyncFn() -> Result<T, E> + Send + Sync + 'static,
    {
        self.builder = self.builder.renewed(renewal, make).await?;
        Ok(self)
    }

    /// Adds a service: a task that runs while the agent serves, and not in `check`, `call` and `dev`. The function
    /// starts it. If it fails, it is started again after a pause, which grows from 0.5 s to 30 s.
    ///
    /// [`Serving`] tells it when the agent stops. A service that has asked for that may end what it does. The others
    /// are cancelled when the agent has answered everything.
    ///
    /// ```
    /// use spoa::run::Program;
    /// use std::time::Duration;
    ///
    /// let program = Program::new("ticker", "1.0.0").agent(async |setup| {
    ///     Ok(setup.serve("ticker", |serving| async move {
    ///         let mut ticks = tokio::time::interval(Duration::from_secs(60));
    ///         while !serving.is_stopping() {
    ///             ticks.tick().await;
    ///             println!("{} reloads failed", serving.reloader().failed());
    ///         }
    ///     }))
    /// });
    /// ```
    pub fn serve<F, S>(mut self, name: impl Into<String>, start: F) -> Self
    where
        F: Fn(Serving) -> S + Send + Sync + 'static,
        S: Future<Output: ServiceOutcome> + Send + 'static,
    {
        self.services.push(ServiceToStart::new(name.into(), start));
        self
    }
}

/// A part of an agent that could not be made: `state = …`, `reload = …` or `observer = …` of `run!`, or a function of
/// `Program::agent`.
#[derive(Debug)]
pub struct ConfigureError(pub(super) String);

impl ConfigureError {
    /// The failure of an expression, as the user wrote it.
    pub fn state(expression: &'static str, error: HandlerError) -> Self {
        let failure = Failure::Error(error.into_inner());
        ConfigureError(format!("`state = {expression}` failed: {failure}"))
    }

    /// The failure of the expression of the observer, as the user wrote it.
    pub fn observer(expression: &'static str, error: HandlerError) -> Self {
        let failure = Failure::Error(error.into_inner());
        ConfigureError(format!("`observer = {expression}` failed: {failure}"))
    }
}

/// Adds the value of `reload = …` of `run!`: the expression as the user wrote it, and as a function.
///
/// It is not an `async fn`: the compiler would report each wrong type twice.
pub fn reload<T, F>(setup: Setup, expression: &'static str, renewal: Renewal, make: F) -> SettingUp
where
    T: Send + Sync + 'static,
    F: AsyncFn() -> Result<T, HandlerError> + Send + Sync + 'static,
{
    let name = format!("reload = {expression}");
    Box::pin(async move {
        let Setup {
            builder,
            options,
            services,
        } = setup;
        match builder.renewed_as(Some(name), renewal, make).await {
            Ok(builder) => Ok(Setup {
                builder,
                options,
                services,
            }),
            Err(error) => Err(ConfigureError(error.to_string())),
        }
    })
}
