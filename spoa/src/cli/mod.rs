//! What `run!()` does: reads the command line, puts the agent together, serves until it is told to
//! stop.
//!
//! It must not know the protocol, nor how a handler is run: it uses the agent as any program could.

use crate::__private::Registered;
use crate::agent::{Agent, AgentBuilder, BindError, BuildError};
use crate::handler::{BoxError, Definition};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// What `run!()` knows when it is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// `CARGO_PKG_NAME` of the program.
    pub package: &'static str,
    /// `CARGO_PKG_VERSION` of the program.
    pub version: &'static str,
    /// `name = …`.
    pub name: Option<&'static str>,
    /// `listen = …`, once for each address.
    pub listen: &'static [&'static str],
    /// `handlers = […]`; all that are registered if empty. They are no part of what configures the
    /// builder so that they can be listed without making the state.
    pub handlers: &'static [&'static Definition],
}

/// What `state = …` and `on_failure = …` of `run!` make of the builder.
pub type Configuring = Pin<Box<dyn Future<Output = Result<AgentBuilder, ConfigureError>>>>;

/// A `state = …` of `run!` that failed.
#[derive(Debug)]
pub struct ConfigureError {
    expression: Option<&'static str>,
    error: BoxError,
}

impl ConfigureError {
    /// The failure of an expression, as the user wrote it.
    pub fn state(expression: &'static str, error: impl Into<BoxError>) -> Self {
        ConfigureError {
            expression: Some(expression),
            error: error.into(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for ConfigureError {
    fn from(error: E) -> Self {
        ConfigureError {
            expression: None,
            error: error.into(),
        }
    }
}

/// Why the agent did not start, or a command not do what it was to do.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("{0}")]
    Configure(ConfigureError),
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expression {
            Some(expression) => write!(f, "`state = {expression}` failed: ")?,
            None => f.write_str("the agent could not be configured: ")?,
        }
        write!(f, "{}", self.error)?;
        let mut source = self.error.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// Runs the agent of a program. On a start-up error it prints what is wrong and ends the process.
pub fn run(program: Program, configure: impl FnOnce(AgentBuilder) -> Configuring) {
    if let Err(error) = start(program, configure) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn start(
    program: Program,
    configure: impl FnOnce(AgentBuilder) -> Configuring,
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let builder = Agent::builder().name(program.name.unwrap_or(program.package));
        let mut builder = configure(builder).await.map_err(StartError::Configure)?;
        builder = match program.handlers {
            [] => builder.handlers(registered()),
            given => builder.handlers(given.iter().copied()),
        };
        let listen = match program.listen {
            [] => &["127.0.0.1:12345"],
            given => given,
        };
        for address in listen {
            builder = builder.listen(*address);
        }
        let server = builder.build()?.bind()?;
        for listener in server.listeners() {
            eprintln!("listening on {}", listener.address());
        }
        server.serve(std::future::pending()).await;
        Ok(())
    })
}

/// The handlers linked into the program, in the order of their places: the registry has none.
fn registered() -> Vec<&'static Definition> {
    let mut handlers: Vec<_> = inventory::iter::<Registered>
        .into_iter()
        .map(|registered| registered.0)
        .collect();
    handlers.sort_by_key(|definition| definition.location());
    handlers
}
