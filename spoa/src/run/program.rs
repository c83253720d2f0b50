//! A program: what its agent is made of, and its command line.

use super::log::Layers;
use super::setup::{MakeSetup, Setup};
use super::user_options::UserOptions;
use super::{ConfigureError, perform, stem};
use crate::agent::AgentBuilder;
use crate::handler::{Definition, Failure, HandlerError};
use std::borrow::Cow;
use std::process::ExitCode;

/// A program with an agent, as [`run!`](crate::run!) builds and runs it.
///
/// [`program!`](crate::program!) takes what `run!` takes and returns a `Program`, so that you can declare an agent
/// once, for `main`, tests and other programs. For programs that put their agents together in functions, `Program`
/// has a method for each option of the macro. Either way, [`main`](Program::main) gives the program the
/// whole command line: `serve`, `check`, `probe`, `handlers`, `call` and the tools, with systemd, signals and the log.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::State;
/// use spoa::run::Program;
/// use std::process::ExitCode;
///
/// struct Rules(String);
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(path: Text<'_>, State(rules): State<'_, Rules>) -> bool {
///     rules.0.lines().any(|rule| path.as_bytes() == rule.as_bytes())
/// }
///
/// fn program() -> Program {
///     Program::new("blocklist", env!("CARGO_PKG_VERSION"))
///         .listen("127.0.0.1:12345")
///         .agent(async |setup| {
///             let rules = std::fs::read_to_string("/etc/blocklist")?;
///             Ok(setup.agent(|builder| builder.state(Rules(rules))))
///         })
/// }
///
/// fn main() -> ExitCode {
///     // A program that sets up `tracing` itself keeps its own subscriber.
///     tracing_subscriber::fmt().with_writer(std::io::stderr).init();
///     program().main()
/// }
/// ```
#[must_use = "`main` runs it"]
pub struct Program {
    pub(super) about: About,
    pub(super) options: Option<Declare>,
    pub(super) setup: Vec<MakeSetup>,
    pub(super) layers: Layers,
}

/// Declares the program's own options, for an agent of this name.
pub(super) type Declare = fn(&str) -> Result<UserOptions, String>;

/// The facts about a program that are known before it runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The name of the program's file, if the system does not tell.
    pub package: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// The name of the agent; `None` for that of the program's file.
    pub name: Option<&'static str>,
    /// The addresses to listen on.
    pub listen: Vec<&'static str>,
    /// The handlers; empty for all that are registered. They are not part of the setup, so that they can
    /// be listed without making the state.
    pub handlers: Vec<&'static Definition>,
    /// Whether failed messages get actions, which may set any variable.
    pub on_failure: bool,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Program {
    /// Makes a program from the name of its agent and its version, with all handlers that are linked into it.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Program::about(About {
            package: name,
            version,
            name: Some(name),
            listen: Vec::new(),
            handlers: Vec::new(),
            on_failure: false,
        })
    }

    /// Makes a program as `run!` describes it.
    #[doc(hidden)]
    pub fn about(about: About) -> Self {
        Program {
            about,
            options: None,
            setup: Vec::new(),
            layers: Layers::default(),
        }
    }

    /// Returns the name of the agent: the one that it was given, or that of the program's file.
    ///
    /// ```
    /// let program = spoa::run::Program::new("blocklist", "1.0.0");
    /// assert_eq!(program.name(), "blocklist");
    /// ```
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self.about.name {
            Some(name) => name.into(),
            None => {
                let called = std::env::args_os().next().unwrap_or_default();
                stem(&called.to_string_lossy(), self.about.package)
                    .to_owned()
                    .into()
            }
        }
    }

    /// Adds an address to listen on unless the operator names another one, in the notation of
    /// [`Address`](crate::agent::Address).
    pub fn listen(mut self, address: &'static str) -> Self {
        self.about.listen.push(address);
        self
    }

    /// Adds handlers, as `handlers![a, b]` lists them. Without any, the program has all that are linked into it.
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = &'static Definition>) -> Self {
        self.about.handlers.extend(handlers);
        self
    }

    /// Gives the program options of its own, a `#[derive(clap::Args)]` type: see the
    /// [guide](https://docs.rs/haproxy-spoa/latest/spoa/macro.run.html). Handlers take them as
    /// `State<'_, T>`, and [`Setup::options`] returns them.
    ///
    /// ```
    /// use spoa::State;
    /// use spoa::prelude::*;
    /// use spoa::run::Program;
    ///
    /// #[derive(clap::Args)]
    /// struct Options {
    ///     /// Score from which a client is blocked
    ///     #[arg(long, default_value_t = 50)]
    ///     threshold: u8,
    /// }
    ///
    /// #[spoe_message("check", set = "txn.blocked")]
    /// fn check(score: u8, State(options): State<'_, Options>) -> bool {
    ///     score >= options.threshold
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let program = || Program::new("scores", "1.0.0").handlers(handlers![check]).options::<Options>();
    /// assert!(program().agent_builder(["--threshold=80"]).await?.build().is_ok());
    /// let error = program().agent_builder(["--treshold=80"]).await.unwrap_err();
    /// assert!(error.to_string().contains("a similar argument exists: '--threshold'"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "options")]
    pub fn options<T: super::user_options::OptionsType>(mut self) -> Self {
        self.options = Some(UserOptions::declared::<T>);
        self
    }

    /// Adds what the agent is made of: state, services, limits. The function runs when an agent is made, in
    /// its runtime: for `serve`, `check`, `call` and `dev`, not for `handlers` and `config`. It may be called
    /// more than once; the functions run in their order.
    pub fn agent<F>(self, make: F) -> Self
    where
        F: AsyncFnOnce(Setup) -> Result<Setup, HandlerError> + 'static,
    {
        self.set_up(Box::new(|setup| {
            Box::pin(async move {
                let made = make(setup).await;
                made.map_err(|error| ConfigureError(Failure::Error(error.into_inner()).to_string()))
            })
        }))
    }

    /// Adds what the agent is made of, as `run!` describes it.
    #[doc(hidden)]
    pub fn set_up(mut self, make: MakeSetup) -> Self {
        self.setup.push(make);
        self
    }

    /// Adds a layer to the subscriber of `tracing` that the program has while it serves, beside the one that writes the
    /// log. The function makes the layer when the program begins to serve, before its runtime starts. `--log` filters
    /// the log only: give the layer a filter of its own.
    ///
    /// ```no_run
    /// use spoa::run::Program;
    /// use std::process::ExitCode;
    /// use tracing_subscriber::Layer;
    /// use tracing_subscriber::filter::LevelFilter;
    ///
    /// fn main() -> ExitCode {
    ///     let program = Program::new("blocklist", env!("CARGO_PKG_VERSION"));
    ///     program.layer(|| tracing_subscriber::fmt::layer().with_filter(LevelFilter::ERROR)).main()
    /// }
    /// ```
    pub fn layer<L>(self, make: impl FnOnce() -> L + 'static) -> Self
    where
        L: tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync,
    {
        self.layers.add(make);
        self
    }

    /// Runs the program: reads its options, does what they ask for, and returns the
    /// exit status. Errors are printed to standard error.
    ///
    /// It starts a runtime of its own, so call it outside of any.
    pub fn main(self) -> ExitCode {
        ExitCode::with_status(perform(self))
    }

    /// Makes the agent's builder, for a test or for a program with a `main` of its own. `words` are the options of a
    /// command line, without the program's name and without a command. The environment is not read, and no service
    /// is started. The states are made by the caller's task, in which a client with a runtime of its own cannot connect.
    ///
    /// ```
    /// # #[cfg(feature = "testing")] {
    /// use spoa::prelude::*;
    /// use spoa::run::Program;
    /// use spoa::testing::TestAgent;
    ///
    /// #[spoe_message("ping", set = "txn.pong")]
    /// fn ping() -> bool {
    ///     true
    /// }
    ///
    /// fn program() -> Program {
    ///     spoa::program!(name = "pinger")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // In a #[tokio::test]:
    /// let agent = TestAgent::build(program().agent_builder([""; 0]).await?)?;
    /// assert_eq!(agent.call("ping", &[]).await?.get("txn.pong"), Some(true));
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    ///
    /// # Errors
    /// A [`ProgramError`] with what is wrong with the options, or what failed.
    pub async fn agent_builder(
        self,
        words: impl IntoIterator<Item = impl Into<std::ffi::OsString>>,
    ) -> Result<AgentBuilder, ProgramError> {
        let words = words.into_iter().map(Into::into).collect();
        super::builder_of(self, words).await.map_err(ProgramError)
    }
}

/// The reason why a [`Program`] made no agent.
///
/// ```
/// use spoa::run::Program;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let program = Program::new("empty", "1.0.0");
/// let error = program.agent_builder(["--max-in-flight=0"]).await.unwrap_err();
/// assert!(error.to_string().contains("write a number, at least 1"));
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProgramError(pub(super) String);

/// Runs the agent of `run!`. On an error it prints the cause.
pub fn run<E: Ending>(program: Program) -> E {
    E::with_status(perform(program))
}

/// A type that a function with `run!` in it may return.
#[diagnostic::on_unimplemented(
    message = "`run!` returns `()` or `ExitCode`, not `{Self}`",
    label = "the function it is called in returns `{Self}`",
    note = "call it in `fn main()` or `fn main() -> std::process::ExitCode`"
)]
pub trait Ending {
    /// Ends the function, or the process if the function cannot return a status.
    fn with_status(status: i32) -> Self;
}

impl Ending for () {
    fn with_status(status: i32) {
        if status != 0 {
            std::process::exit(status);
        }
    }
}

impl Ending for ExitCode {
    fn with_status(status: i32) -> Self {
        ExitCode::from(u8::try_from(status).unwrap_or(1))
    }
}
