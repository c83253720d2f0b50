//! What `run!()` does: reads the command line, puts the agent together, serves until it is told to
//! stop.
//!
//! It must not know the protocol, nor how a handler is run: it uses the agent as any program could.

mod banner;
mod call;
mod command;
mod config;
mod dev;
mod diff;
mod doctor;
mod filter;
mod handlers;
mod haproxy;
pub(crate) mod json;
mod log;
mod options;
mod plain;
mod reload;
mod serve;
mod settings;
mod signals;
mod systemd;
mod tls;
pub(crate) mod units;
mod wiring;

use crate::__private::Registered;
#[cfg(feature = "tls")]
use crate::agent::TlsError;
use crate::agent::{self, Agent, AgentBuilder, BindError, ErrorKind};
use crate::handler::{Definition, Failure, HandlerError};
use crate::testing::CallError;
use crate::text::one_line;
use command::About;
use options::{Options, Task};
use std::ffi::OsString;
use std::io::{self, Write, stdout};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use tokio::runtime::{Handle, Runtime};

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
    /// Whether there is an `on_failure = …`, which may set any variable.
    pub on_failure: bool,
}

/// What `state = …`, `reload = …` and `on_failure = …` of `run!` make of the builder.
pub type Configuring = Pin<Box<dyn Future<Output = Result<AgentBuilder, ConfigureError>>>>;

/// A `state = …` or `reload = …` of `run!` that failed.
#[derive(Debug)]
pub struct ConfigureError(String);

impl ConfigureError {
    /// The failure of an expression, as the user wrote it.
    pub fn state(expression: &'static str, error: HandlerError) -> Self {
        let failure = Failure::Error(error.into_inner());
        ConfigureError(format!("`state = {expression}` failed: {failure}"))
    }
}

/// `reload = …` of `run!`: the expression as the user wrote it, and as a function.
///
/// It is no `async fn`: the compiler would say twice what is wrong with a type.
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

/// Why the agent did not start, or a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{}{}", .0, agent_option(.0))]
    Agent(#[from] agent::Error),
    #[error("{}", .0.0)]
    Configure(ConfigureError),
    #[error(
        "`run!` starts a runtime of its own, and there is one already: write `fn main()` without \
         `async` and without `#[tokio::main]`; `run!(state = …)` may await what it needs"
    )]
    InRuntime,
    #[error("cannot start threads: {}{}", .0, advice(.0, THREADS))]
    Runtime(io::Error),
    #[error("cannot wait for signals: {}{}", .0, advice(.0, ""))]
    Signals(io::Error),
    /// The number of a socket in `LISTEN_FDS`.
    #[error(
        "socket {} of LISTEN_FDS is no TCP or unix socket that accepts: write `ListenStream=` in the \
         .socket unit", .0 + 1
    )]
    Passed(usize),
    #[error("cannot accept on the sockets of LISTEN_FDS: {}{}", .0, advice(.0, ""))]
    Sockets(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Argument(String),
    #[error(transparent)]
    Call(#[from] CallError),
    /// The handler of a message that was called failed.
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    /// The exit status: 2 is for what was typed wrong, as clap has it.
    fn status(&self) -> i32 {
        match self {
            StartError::Argument(_) | StartError::Call(_) => 2,
            _ => 1,
        }
    }
}

/// What to do where there are too many threads.
const THREADS: &str = "; lower `--workers`, or raise `ulimit -u`";

/// Names the option that does what an error of the agent advises last.
fn agent_option(error: &agent::Error) -> &'static str {
    match error.kind() {
        #[cfg(feature = "tls")]
        ErrorKind::Tls(TlsError::NoKey { .. }) => " with `--tls-key`",
        ErrorKind::Bind(BindError::InUse { .. } | BindError::NotASocket { .. }) => {
            " with `--listen`"
        }
        _ => "",
    }
}

/// What to do about an error of the system: what is `usual`, unless descriptors ran out.
fn advice(error: &io::Error, usual: &'static str) -> &'static str {
    match agent::descriptors_ran_out(error) {
        true => agent::RAISE_DESCRIPTORS,
        false => usual,
    }
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

/// Runs the agent of a program. On an error it prints what is wrong.
pub fn run<E: Ending>(program: Program, configure: impl FnOnce(AgentBuilder) -> Configuring) -> E {
    E::with_status(perform(program, configure))
}

/// Runs the agent of a program; returns the exit status.
fn perform(program: Program, configure: impl FnOnce(AgentBuilder) -> Configuring) -> i32 {
    let mut args = std::env::args_os().peekable();
    let called = args
        .peek()
        .map(|called| called.to_string_lossy().into_owned());
    let called = called.as_deref().unwrap_or(program.package);
    let handlers = match program.handlers {
        [] => registered(),
        given => given.to_vec(),
    };
    let this = This {
        name: program
            .name
            .unwrap_or_else(|| stem(called, program.package)),
        called,
        handlers,
        program,
    };
    let about = About {
        name: this.name,
        version: program.version,
        listen: program.listen,
        messages: this
            .handlers
            .iter()
            .filter_map(|handler| handler.message_name())
            .collect(),
    };
    let options = match Options::read(&about, args, |name| std::env::var_os(name)) {
        Ok(options) => options,
        // The help and the version, too, are printed for somebody.
        Err(said) => {
            let status = said.exit_code();
            let printed = written(said.print().and_then(|()| stdout().flush()));
            return printed.map_or_else(fail, |()| status);
        }
    };
    this.perform(&options, configure).unwrap_or_else(fail)
}

/// Prints what a person has to look at.
fn warn(warnings: impl IntoIterator<Item = impl std::fmt::Display>) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

/// Says why nothing came of it; the exit status.
fn fail(error: StartError) -> i32 {
    eprintln!("error: {error}");
    error.status()
}

/// The name of the file that was called: what people call the program.
fn stem<'a>(called: &'a str, package: &'a str) -> &'a str {
    let stem = Path::new(called).file_stem().and_then(|stem| stem.to_str());
    stem.filter(|stem| !stem.is_empty()).unwrap_or(package)
}

/// The handlers linked into the program, in the order of their places: the registry has none.
fn registered() -> Vec<&'static Definition> {
    let registered = inventory::iter::<Registered>.into_iter();
    let mut handlers: Vec<_> = registered.map(|registered| registered.0).collect();
    handlers.sort_by_key(|definition| definition.location());
    handlers
}

/// The program that runs.
struct This<'a> {
    program: Program,
    /// The name of the agent.
    name: &'a str,
    /// How it was called.
    called: &'a str,
    handlers: Vec<&'static Definition>,
}

impl This<'_> {
    fn perform(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<i32, StartError> {
        match &options.task {
            Task::Handlers { json } => {
                print(&match json {
                    true => format!("{:#}\n", handlers::json(&self.handlers)),
                    false => handlers::table(&self.handlers),
                })?;
                warn(spoa_config::write::unsaid(&self.wiring(options)));
                agent::check(&self.handlers)?;
            }
            Task::Config(config) => {
                agent::check(&self.handlers)?;
                let printed = config.perform(&self.wiring(options));
                let printed = printed.map_err(StartError::Argument)?;
                print(&printed.text)?;
                warn(printed.warnings);
            }
            Task::Doctor(doctor) => {
                agent::check(&self.handlers)?;
                let said = doctor.perform(&self.wiring(options));
                let said = said.map_err(StartError::Argument)?;
                print(&said.text)?;
                return Ok(said.status);
            }
            Task::Docs => {
                agent::check(&self.handlers)?;
                let agent = self.wiring(options);
                print(&spoa_config::write::page(&agent))?;
                warn(spoa_config::write::unsaid(&agent));
            }
            Task::Dev(dev) => self.dev(options, configure, dev)?,
            Task::Call {
                message,
                args,
                json,
            } => self.call(options, configure, message, args, *json)?,
            Task::Serve => self.serve(options, configure)?,
        }
        Ok(0)
    }

    /// The agent as its HAProxy sees it.
    fn wiring(&self, options: &Options) -> spoa_config::Agent {
        let mut limits = agent::Limits::default();
        options.apply(&mut limits);
        let listeners = options.listen(self.program.listen);
        let mut agent = wiring::agent(self.name, &self.handlers, listeners, &limits);
        agent.tls = tls::wiring(options);
        for message in &mut agent.messages {
            message.complete &= !self.program.on_failure;
        }
        agent
    }

    fn serve(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<(), StartError> {
        let passed = systemd::Passed::take()?;
        log::start(options.log().unwrap_or("info"));
        let runtime = self.runtime(options)?;
        for slip in
            settings::slips(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
        {
            tracing::warn!("{slip}");
        }
        let served = runtime.block_on(async {
            let hangups = reload::hangups().map_err(StartError::Signals)?;
            signals::ignore_haproxys_reload().map_err(StartError::Signals)?;
            let mut builder = self.builder(options, configure).await?;
            // What systemd listens on takes the place of what the program would.
            let own = match passed.len() {
                0 => options.listen(self.program.listen),
                _ => options.asked_to_listen(),
            };
            let count = passed.len();
            for listener in passed.listeners().map_err(StartError::Sockets)? {
                builder = builder.listener(listener);
            }
            for address in own {
                builder = builder.listen(address);
            }
            for network in options.allow() {
                builder = builder.allow(network);
            }
            builder = tls::apply(options, builder)?;
            serve::serve(builder, self, hangups, count).await
        });
        // What is still at work was given its time.
        runtime.shutdown_background();
        served
    }

    fn dev(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
        dev: &dev::Dev,
    ) -> Result<(), StartError> {
        log::start(options.log().unwrap_or("warn"));
        let runtime = self.runtime(options)?;
        let served = runtime.block_on(async {
            let builder = self.builder(options, configure).await?;
            dev.run(builder, self, options).await
        });
        runtime.shutdown_background();
        served
    }

    fn call(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
        message: &str,
        args: &[OsString],
        json: bool,
    ) -> Result<(), StartError> {
        // Why the handler failed is printed below.
        let quiet = format!("warn,{}=off", agent::FAILURES);
        log::start(options.log().unwrap_or(&quiet));
        let call = call::Call::new(message.to_owned(), args).map_err(StartError::Argument)?;
        let runtime = self.runtime(options)?;
        let answer = runtime.block_on(async {
            let builder = self.builder(options, configure).await?;
            call.send(builder, options.frame_size()).await
        });
        runtime.shutdown_background();
        let answer = answer?;
        print(&match json {
            true => format!("{:#}\n", call.json(&answer)),
            false => call::Call::lines(&answer),
        })?;
        match answer.failure() {
            Some(failure) => Err(StartError::Failed(
                one_line(&failure.to_string()).into_owned(),
            )),
            None => Ok(()),
        }
    }

    fn runtime(&self, options: &Options) -> Result<Runtime, StartError> {
        if Handle::try_current().is_ok() {
            return Err(StartError::InRuntime);
        }
        // What a handler's panic would print is in the log already.
        agent::log_panics();
        let mut limits = agent::Limits::default();
        options.apply(&mut limits);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(workers) = options.workers() {
            runtime.worker_threads(workers);
        }
        runtime
            .enable_all()
            .thread_name("spoa-worker")
            // Room for what the program itself has blocking, besides its handlers.
            .max_blocking_threads(limits.max_blocking.saturating_add(512))
            .build()
            .map_err(StartError::Runtime)
    }

    async fn builder(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<AgentBuilder, StartError> {
        // What is wrong with the handlers shows before a state is made, which may take its time.
        agent::check(&self.handlers)?;
        let builder = Agent::builder()
            .name(self.name)
            .handlers(self.handlers.iter().copied());
        let builder = configure(builder).await.map_err(StartError::Configure)?;
        Ok(builder.limits(|limits| options.apply(limits)))
    }
}

/// Prints what was asked for.
fn print(text: &str) -> Result<(), StartError> {
    let mut stdout = stdout();
    written(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

/// Prints what is shown as it happens. It goes on when nobody can see it.
fn show(text: &str) {
    let _ = print(text);
}

/// What came of printing. Whoever closed the pipe has seen enough.
fn written(result: io::Result<()>) -> Result<(), StartError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StartError::Output(error)),
        _ => Ok(()),
    }
}
