//! A program whose spans are exported while it serves.

use crate::environment::Environment;
use crate::{Traces, set_parent};
use spoa::run::Program;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;

/// Runs a program whose messages are exported as spans while it serves: `Export::new(program).main()`.
///
/// See the [crate](crate) for an example.
pub fn main(program: Program) -> ExitCode {
    Export::new(program).main()
}

/// A program whose spans are exported.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa_otel::Export;
/// use spoa_otel::opentelemetry::global;
/// use spoa_otel::opentelemetry::trace::{Span, Tracer};
/// use std::process::ExitCode;
///
/// #[spoe_message("request", event = "on-frontend-http-request")]
/// fn request(method: &str) {
///     // While the agent serves, the tracers of `global` belong to this exporter.
///     global::tracer("my-agent").start(method.to_owned()).end();
/// }
///
/// fn main() -> ExitCode {
///     Export::new(spoa::program!()).messages(false).main()
/// }
/// ```
#[derive(Debug)]
#[must_use = "`main` runs the program"]
pub struct Export {
    program: Program,
    messages: bool,
}

impl Export {
    /// Wraps a program, whose messages get spans.
    pub fn new(program: Program) -> Self {
        Export {
            program,
            messages: true,
        }
    }

    /// Sets whether messages have spans. Without them, only the spans that the program makes itself are exported.
    pub fn messages(mut self, messages: bool) -> Self {
        self.messages = messages;
        self
    }

    /// Runs the program, and returns its exit status. After the drain of the agent, the remaining spans are exported.
    pub fn main(self) -> ExitCode {
        if let Ok(None) = Environment::read() {
            return self.program.main();
        }
        let service = self.program.name().into_owned();
        let traces = Rc::new(RefCell::new(None));
        let (started, messages) = (traces.clone(), self.messages);
        let problem = Rc::new(RefCell::new(None));
        let failed = problem.clone();
        let program = self
            .program
            .layer(move || match Traces::from_env(&service) {
                Ok(new) => {
                    let layer = new.as_ref().map(Traces::layer);
                    if let Some(new) = &new {
                        opentelemetry::global::set_tracer_provider(new.provider().clone());
                    }
                    *started.borrow_mut() = new;
                    layer
                }
                Err(error) => {
                    *failed.borrow_mut() = Some(error);
                    None
                }
            });
        let program = program.agent(async move |setup| {
            if let Some(error) = problem.take() {
                return Err(error.into());
            }
            // A command that does not serve makes no exporter, but reports mistakes.
            Environment::read()?;
            Ok(setup.agent(|builder| {
                if messages {
                    builder.spans_with_parent(set_parent)
                } else {
                    builder
                }
            }))
        });
        let status = program.main();
        if let Some(traces) = traces.take() {
            traces.end();
        }
        status
    }
}
