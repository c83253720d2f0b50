//! Programs with an agent: their command line, and what they do. [`run!`](crate::run!) makes and runs a
//! [`Program`]; a program with a `main` of its own calls [`Program::main`].

// With one codegen unit, the program has its code in about this order. The modules of `serve` are next to each other, so
// that less of the program is in memory while it serves.
mod banner;
mod command_line;
mod log;
mod log_filter;
mod program;
mod reload;
mod secrets;
mod serve;
mod service;
mod settings;
mod setup;
mod signals;
mod systemd;
mod tls;
mod user_options;

// The other commands.
mod call;
mod check;
mod description;
#[cfg(feature = "tools")]
mod dev;
mod entries;
mod error;
mod handlers;
mod output;
mod probe;
#[cfg(feature = "options")]
mod quantity;
#[cfg(feature = "tools")]
mod tap;
#[cfg(feature = "tools")]
mod tools;

pub use entries::{parse_lines, read_lines};
pub use program::{Program, ProgramError};
#[cfg(feature = "options")]
pub use quantity::duration;
pub use service::Serving;
pub use setup::Setup;

#[doc(hidden)]
pub use program::{About, run};
#[doc(hidden)]
pub use service::ServiceOutcome;
#[doc(hidden)]
pub use setup::{ConfigureError, reload};
#[cfg(feature = "options")]
#[doc(hidden)]
pub use user_options::OptionsType;

use crate::agent::{self, Agent, AgentBuilder};
use crate::handler::Definition;
use crate::log_target::{self, AGENT};
use crate::registry::Registered;
use crate::text::lines;
use command_line::{Identity, Options, Stop, Task};
use error::StartError;
use log::Layers;
use output::print;
use setup::MakeSetup;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
#[cfg(feature = "tools")]
use tools::Tool;
use user_options::UserOptions;

/// The time that the process waits for blocking work after a command has ended.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Runs a program, and returns the exit status.
fn perform(program: Program) -> i32 {
    let words: Vec<_> = std::env::args_os().collect();
    let called = words
        .first()
        .map(|called| called.to_string_lossy().into_owned());
    let (running, setup) = match RunningProgram::new(program, called) {
        Ok(new) => new,
        Err(error) => return failed(&error),
    };
    let done = match running.options(words, |name| std::env::var_os(name)) {
        Ok(options) => {
            options.secrets().clone().keep();
            running.perform(&options, setup)
        }
        Err(Stop::Print(text)) => print(&text).map(|()| 0),
        Err(Stop::Refuse(text)) => {
            eprint!("{}", lines(&text));
            return 2;
        }
    };
    done.unwrap_or_else(|error| failed(&error))
}

/// Prints an error, and returns the exit status.
fn failed(error: &StartError) -> i32 {
    let text = secrets::hide(error.to_string());
    eprintln!("error: {}", lines(&text));
    error.status()
}

/// Makes the builder of a program's agent, with the options of a command line.
async fn builder_of(program: Program, words: Vec<OsString>) -> Result<AgentBuilder, String> {
    let called = program.about.package.to_owned();
    let (running, setup) =
        RunningProgram::new(program, Some(called)).map_err(|error| error.to_string())?;
    let words = [OsString::new()].into_iter().chain(words);
    let options = running.options(words, |_| None);
    let options = options.map_err(|(Stop::Print(text) | Stop::Refuse(text))| text)?;
    if options.task != Task::Serve {
        return Err("`agent_builder` takes options, not a command".to_owned());
    }
    let made = running.setup(&options, setup).await;
    let hidden = |error: StartError| options.secrets().hide(error.to_string()).into_owned();
    Ok(made.map_err(hidden)?.builder)
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
    // Not `sort_by_key`, for the same reason as in the table of handlers.
    let mut handlers: Vec<&Definition> = Vec::new();
    for Registered(handler) in inventory::iter::<Registered> {
        let at = handlers.partition_point(|before| before.location() <= handler.location());
        handlers.insert(at, handler);
    }
    handlers
}

/// The program that runs.
#[derive(Debug)]
struct RunningProgram {
    /// The name of the agent.
    name: String,
    version: &'static str,
    /// The path that the program was called by.
    called: String,
    listen: Vec<&'static str>,
    handlers: Vec<&'static Definition>,
    on_failure: bool,
    user: UserOptions,
    layers: Layers,
}

impl RunningProgram {
    /// Takes a program apart, which was called by this path.
    fn new(program: Program, called: Option<String>) -> Result<(Self, Vec<MakeSetup>), StartError> {
        let Program {
            about,
            options,
            setup,
            layers,
        } = program;
        let called = called.unwrap_or_else(|| about.package.to_owned());
        let name = match about.name {
            Some(name) => name.to_owned(),
            None => stem(&called, about.package).to_owned(),
        };
        let user = options.map(|declare| declare(&name)).transpose();
        let user = user.map_err(StartError::Options)?;
        let running = RunningProgram {
            name,
            version: about.version,
            called,
            listen: about.listen,
            handlers: match about.handlers.as_slice() {
                [] => registered(),
                _ => about.handlers,
            },
            on_failure: about.on_failure,
            user: user.unwrap_or_default(),
            layers,
        };
        match command_line::taken(&running.identity()) {
            None => Ok((running, setup)),
            Some(name) => Err(StartError::Options(format!(
                "options: every agent has an option `--{name}`: give yours another name"
            ))),
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            called: file_name(&self.called, &self.name),
            name: &self.name,
            version: self.version,
            listen: &self.listen,
            messages: self
                .handlers
                .iter()
                .filter_map(|handler| handler.message_name())
                .collect(),
            user: self.user.options,
        }
    }

    /// Reads the options. The first word is the name of the program.
    fn options(
        &self,
        words: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Options, Stop> {
        Options::read(&self.identity(), &self.user, words, env)
    }

    fn perform(&self, options: &Options, setup: Vec<MakeSetup>) -> Result<i32, StartError> {
        match &options.task {
            Task::Serve => self.serve(options, setup)?,
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
            Task::Tool(Tool::Dev(dev)) => self.dev(options, setup, dev)?,
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
            } => self.call(options, setup, message, args, *json)?,
            #[cfg(feature = "options")]
            Task::Completions { shell } => {
                let script = command_line::manual::completions(&self.identity(), shell);
                print(&script.map_err(StartError::Argument)?)?;
            }
            #[cfg(feature = "options")]
            Task::Man => {
                let page = command_line::manual::page(&self.identity());
                print(&page.map_err(StartError::Output)?)?;
            }
            Task::Check => self.check(options, setup)?,
            Task::Probe => self.probe(options)?,
        }
        Ok(0)
    }

    /// Returns the agent as its HAProxy sees it.
    #[cfg(feature = "tools")]
    fn description(&self, options: &Options) -> spoa_config::Agent {
        tools::agent(&description::description(self, options))
    }

    fn serve(&self, options: &Options, setup: Vec<MakeSetup>) -> Result<(), StartError> {
        let passed = systemd::Passed::take()?;
        let layers = self.layers.make();
        log::start(
            options.log().unwrap_or("info"),
            options.log_format(),
            layers,
        );
        self.in_runtime(options, |runtime| {
            for warning in self.warnings() {
                tracing::warn!(target: AGENT, "{warning}");
            }
            let hangups = signals::hangups().map_err(StartError::Signals)?;
            let mut setup = self.make(options, setup)?;
            let count = passed.len();
            for listener in passed.listeners().map_err(StartError::Sockets)? {
                setup.builder = setup.builder.listener(listener);
            }
            // The sockets of systemd replace the addresses of the program.
            let addresses = match count {
                0 => options.listen(&self.listen),
                _ => options.asked_to_listen(),
            };
            setup.builder = listening(options, addresses, setup.builder)?;
            let serving = serve::serve(setup, self, options, hangups, count);
            block_on(runtime, serving)
        })
    }

    #[cfg(feature = "tools")]
    fn dev(
        &self,
        options: &Options,
        setup: Vec<MakeSetup>,
        dev: &spoa_tools::dev::Dev,
    ) -> Result<(), StartError> {
        let filter = options.log().unwrap_or("warn");
        log::start(filter, options.log_format(), Vec::new());
        self.in_runtime(options, |runtime| {
            let setup = self.make(options, setup)?;
            block_on(runtime, dev::dev(dev, setup.builder, self, options))
        })
    }

    #[cold]
    fn call(
        &self,
        options: &Options,
        setup: Vec<MakeSetup>,
        message: &str,
        args: &[OsString],
        json: bool,
    ) -> Result<(), StartError> {
        // The failure of the handler is printed below.
        let quiet = format!("warn,{}=off", log_target::FAILURES);
        let filter = options.log().unwrap_or(&quiet);
        log::start(filter, options.log_format(), Vec::new());
        let call = call::Call::new(message.to_owned(), args).map_err(StartError::Argument)?;
        self.in_runtime(options, |runtime| {
            let setup = self.make(options, setup)?;
            block_on(runtime, async {
                let answer = call.send(setup.builder, options.frame_size()).await?;
                print(&if json {
                    format!("{}\n", call.json(&answer))
                } else {
                    answer.lines()
                })?;
                match answer.failure() {
                    Some(failure) => Err(StartError::Failed(failure)),
                    None => Ok(()),
                }
            })
        })
    }

    /// Runs a command within a runtime.
    fn in_runtime(
        &self,
        options: &Options,
        command: impl FnOnce(&Runtime) -> Result<(), StartError>,
    ) -> Result<(), StartError> {
        let runtime = self.runtime(options)?;
        let done = {
            let _inside = runtime.enter();
            command(&runtime)
        };
        // The tasks that still wait are dropped, and with the last of them the program's values, which may have to write
        // what they hold.
        runtime.shutdown_timeout(LAST_WORK);
        done
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
        descriptors_for_runtime().map_err(StartError::Runtime)?;
        runtime
            .enable_all()
            .thread_name("spoa-worker")
            // Leaves room for blocking work of the program itself.
            .max_blocking_threads(limits.max_blocking.saturating_add(512))
            .build()
            .map_err(StartError::Runtime)
    }

    /// Makes what the agent is made of, within the runtime, but not as one of its tasks: a client that blocks has a
    /// runtime of its own.
    fn make(&self, options: &Options, setup: Vec<MakeSetup>) -> Result<Setup, StartError> {
        pollster::block_on(self.setup(options, setup))
    }

    /// Makes what the agent is made of.
    async fn setup(&self, options: &Options, setup: Vec<MakeSetup>) -> Result<Setup, StartError> {
        // Mistakes in the handlers are reported before the state is made, which may take long.
        agent::check(&self.handlers)?;
        let builder = Agent::builder()
            .name(&self.name)
            .handlers(self.handlers.iter().copied());
        let mut made = Setup::new(builder, options.user());
        for make in setup {
            made = make(made).await.map_err(StartError::Configure)?;
        }
        let made = made.agent(|builder| builder.limits(|limits| options.apply(limits)));
        Ok(match options.spans() {
            Some(spans) => made.agent(|builder| builder.spans(spans)),
            None => made,
        })
    }

    /// Returns warnings about the environment.
    fn warnings(&self) -> impl Iterator<Item = String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        settings::warnings(names, self.user.options.iter().map(|it| it.env.as_str()))
    }
}

/// Waits for a part of a command. Its future is of one type for all commands, so that the runtime's code is compiled for
/// it once, and on the heap, so that it does not make the stack larger.
fn block_on(
    runtime: &Runtime,
    part: impl Future<Output = Result<(), StartError>>,
) -> Result<(), StartError> {
    let part: Pin<Box<dyn Future<Output = Result<(), StartError>> + '_>> = Box::pin(part);
    runtime.block_on(part)
}

/// Fails if the process may not open six files, as a runtime does on Linux: Tokio panics where it lacks those of its
/// signals.
fn descriptors_for_runtime() -> io::Result<()> {
    let pairs: Result<Vec<_>, _> = (0..3).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

/// Adds where the agent listens, and to whom.
fn listening(
    options: &Options,
    addresses: Vec<String>,
    mut builder: AgentBuilder,
) -> Result<AgentBuilder, StartError> {
    for address in addresses {
        builder = builder.listen(address);
    }
    for network in options.allow() {
        builder = builder.allow(network);
    }
    tls::apply(options, builder)
}
