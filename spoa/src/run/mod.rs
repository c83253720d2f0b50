//! What `run!` does: it reads the command line, puts the agent together, and serves until a signal comes.

mod banner;
mod call;
mod command_line;
mod description;
#[cfg(feature = "tools")]
mod dev;
mod error;
mod handlers;
mod log;
mod log_filter;
mod output;
mod program;
mod reload;
mod serve;
mod settings;
mod signals;
mod systemd;
#[cfg(feature = "tools")]
mod tap;
mod tls;
#[cfg(feature = "tools")]
mod tools;

pub use program::{ConfigureError, Configuring, Program, reload};

use crate::agent::{self, Agent, AgentBuilder};
use crate::handler::Definition;
use crate::registry::Registered;
use command_line::{Identity, Options, Stop, Task};
use error::StartError;
use output::print;
use program::Ending;
use std::ffi::OsString;
use std::path::Path;
use tokio::runtime::{Handle, Runtime};
#[cfg(feature = "tools")]
use tools::Tool;

/// Runs the agent of a program. On an error it prints the cause.
pub fn run<E: Ending>(program: Program, configure: impl FnOnce(AgentBuilder) -> Configuring) -> E {
    E::with_status(perform(program, configure))
}

/// Runs the agent of a program, and returns the exit status.
fn perform(program: Program, configure: impl FnOnce(AgentBuilder) -> Configuring) -> i32 {
    let mut words = std::env::args_os().peekable();
    let called = words
        .peek()
        .map(|called| called.to_string_lossy().into_owned());
    let called = called.as_deref().unwrap_or(program.package);
    let handlers = match program.handlers {
        [] => registered(),
        given => given.to_vec(),
    };
    let running = Running {
        name: program
            .name
            .unwrap_or_else(|| stem(called, program.package)),
        called,
        handlers,
        program,
    };
    let identity = Identity {
        called: file_name(called, program.package),
        name: running.name,
        version: program.version,
        listen: program.listen,
        messages: running
            .handlers
            .iter()
            .filter_map(|handler| handler.message_name())
            .collect(),
    };
    let done = match Options::read(&identity, words, |name| std::env::var_os(name)) {
        Ok(options) => running.perform(&options, configure),
        Err(Stop::Print(text)) => print(&text).map(|()| 0),
        Err(Stop::Refuse(text)) => {
            eprint!("{text}");
            return 2;
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.status()
    })
}

/// Returns the name of the program's file, without its extension.
fn stem<'a>(called: &'a str, package: &'a str) -> &'a str {
    let stem = Path::new(called).file_stem().and_then(|stem| stem.to_str());
    stem.filter(|stem| !stem.is_empty()).unwrap_or(package)
}

/// Returns the name of the program's file.
fn file_name<'a>(called: &'a str, package: &'a str) -> &'a str {
    let name = Path::new(called).file_name().and_then(|name| name.to_str());
    name.unwrap_or(package)
}

/// Returns the handlers linked into the program, in the order of the source: the registry has none.
fn registered() -> Vec<&'static Definition> {
    let registered = inventory::iter::<Registered>.into_iter();
    let mut handlers: Vec<_> = registered.map(|registered| registered.0).collect();
    handlers.sort_by_key(|definition| definition.location());
    handlers
}

/// The program that runs.
#[derive(Debug)]
struct Running<'a> {
    program: Program,
    /// The name of the agent.
    name: &'a str,
    /// The path that the program was called by.
    called: &'a str,
    handlers: Vec<&'static Definition>,
}

impl Running<'_> {
    fn perform(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<i32, StartError> {
        match &options.task {
            Task::Handlers { json } => {
                if *json {
                    let description = description::description(self, options);
                    print(&format!("{description}\n"))?;
                } else {
                    print(&handlers::table(&self.handlers))?;
                }
                #[cfg(feature = "tools")]
                output::warn(spoa_config::write::unsaid(&self.description(options)));
                agent::check(&self.handlers)?;
            }
            #[cfg(feature = "tools")]
            Task::Tool(Tool::Dev(dev)) => self.dev(options, configure, dev)?,
            #[cfg(feature = "tools")]
            Task::Tool(tool) => {
                agent::check(&self.handlers)?;
                let agent = self.description(options);
                return tools::perform(tool, &agent);
            }
            Task::Call {
                message,
                args,
                json,
            } => self.call(options, configure, message, args, *json)?,
            Task::Serve => self.serve(options, configure)?,
        }
        Ok(0)
    }

    /// Returns the agent as its HAProxy sees it.
    #[cfg(feature = "tools")]
    fn description(&self, options: &Options) -> spoa_config::Agent {
        tools::agent(&description::description(self, options))
    }

    fn serve(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<(), StartError> {
        let passed = systemd::Passed::take()?;
        log::start(options.log().unwrap_or("info"));
        let runtime = self.runtime(options)?;
        for warning in
            settings::warnings(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
        {
            tracing::warn!("{warning}");
        }
        let served = runtime.block_on(async {
            let hangups = reload::hangups().map_err(StartError::Signals)?;
            signals::ignore_haproxys_reload().map_err(StartError::Signals)?;
            let mut builder = self.builder(options, configure).await?;
            // The sockets of systemd replace the addresses of the program.
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
        // Handlers that still run had their time.
        runtime.shutdown_background();
        served
    }

    #[cfg(feature = "tools")]
    fn dev(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
        dev: &spoa_tools::dev::Dev,
    ) -> Result<(), StartError> {
        log::start(options.log().unwrap_or("warn"));
        let runtime = self.runtime(options)?;
        let served = runtime.block_on(async {
            let builder = self.builder(options, configure).await?;
            dev::dev(dev, builder, self, &self.description(options)).await
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
        // The failure of the handler is printed below.
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
        print(&if json {
            format!("{}\n", call.json(&answer))
        } else {
            answer.lines()
        })?;
        match answer.failure() {
            Some(failure) => Err(StartError::Failed(failure)),
            None => Ok(()),
        }
    }

    fn runtime(&self, options: &Options) -> Result<Runtime, StartError> {
        if Handle::try_current().is_ok() {
            return Err(StartError::InRuntime);
        }
        // The log has a line for each panic of a handler.
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
            // Leaves room for blocking work of the program itself.
            .max_blocking_threads(limits.max_blocking.saturating_add(512))
            .build()
            .map_err(StartError::Runtime)
    }

    async fn builder(
        &self,
        options: &Options,
        configure: impl FnOnce(AgentBuilder) -> Configuring,
    ) -> Result<AgentBuilder, StartError> {
        // Mistakes in the handlers are reported before the state is made, which may take long.
        agent::check(&self.handlers)?;
        let builder = Agent::builder()
            .name(self.name)
            .handlers(self.handlers.iter().copied());
        let builder = configure(builder).await.map_err(StartError::Configure)?;
        Ok(builder.limits(|limits| options.apply(limits)))
    }
}
