//! What `run!` hands over: the program as it was compiled, and how it makes its state.

use crate::agent::AgentBuilder;
use crate::handler::{Definition, Failure, HandlerError};
use std::pin::Pin;
use std::process::ExitCode;

/// What `run!` knows at compile time.
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
    /// `handlers = […]`; empty for all that are registered. They are not part of the configuring closure,
    /// so that they can be listed without making the state.
    pub handlers: &'static [&'static Definition],
    /// Whether there is an `on_failure = …`, which may set any variable.
    pub on_failure: bool,
}

/// The builder, with what `state = …`, `reload = …` and `on_failure = …` of `run!` add to it.
pub type Configuring = Pin<Box<dyn Future<Output = Result<AgentBuilder, ConfigureError>>>>;

/// A `state = …` or `reload = …` of `run!` that failed.
#[derive(Debug)]
pub struct ConfigureError(pub(super) String);

impl ConfigureError {
    /// The failure of an expression, as the user wrote it.
    pub fn state(expression: &'static str, error: HandlerError) -> Self {
        let failure = Failure::Error(error.into_inner());
        ConfigureError(format!("`state = {expression}` failed: {failure}"))
    }
}

/// `reload = …` of `run!`: the expression as the user wrote it, and as a function.
///
/// It is not an `async fn`: the compiler would report each wrong type twice.
pub fn reload<T, F>(builder: AgentBuilder, expression: &'static str, make: F) -> Configuring
where
    T: Send + Sync + 'static,
    F: AsyncFn() -> Result<T, HandlerError> + Send + Sync + 'static,
{
    let name = format!("reload = {expression}");
    Box::pin(async {
        let builder = builder.reloadable_as(Some(name), make).await;
        builder.map_err(|error| ConfigureError(error.to_string()))
    })
}

/// What a function that calls `run!` returns.
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
