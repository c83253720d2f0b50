//! The agent under test: in this process, or a program.

use crate::agent::{Agent, AgentBuilder};
use crate::description::Described;
use crate::handler::Definition;
use crate::json::JsonValue;
use crate::testing::MessageFailure;
use crate::testing::log::Log;
use crate::testing::port::Port;
use spoa_tools::guarded::Guarded;
use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The time that a program has to start listening.
const PATIENCE: Duration = Duration::from_secs(20);

/// An agent that is not running yet.
pub(super) enum AgentSource {
    Builder(Box<AgentBuilder>),
    Program(Command),
}

impl fmt::Debug for AgentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgentSource::Builder(builder) => builder.fmt(f),
            AgentSource::Program(command) => command.fmt(f),
        }
    }
}

/// The failures of handlers so far.
pub(super) type Failures = Arc<Mutex<Vec<MessageFailure>>>;

/// An agent that is running. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct RunningAgent {
    /// How HAProxy sees it.
    pub(super) description: spoa_config::Agent,
    pub(super) failures: Failures,
    pub(super) log: Log,
    /// Where it listens. No other test gets the port while this lives.
    pub(super) port: Arc<Port>,
    #[allow(dead_code, reason = "the agent ends when this is dropped")]
    kind: AgentHost,
}

#[derive(Debug)]
enum AgentHost {
    InProcess {
        stop: Option<oneshot::Sender<()>>,
        thread: Option<JoinHandle<()>>,
    },
    Program {
        #[allow(dead_code, reason = "the program ends when this is dropped")]
        program: Guarded,
    },
}

impl Drop for AgentHost {
    fn drop(&mut self) {
        if let AgentHost::InProcess { stop, thread } = self {
            drop(stop.take());
            // The thread waits for no handler.
            thread.take().map(JoinHandle::join);
        }
    }
}

impl AgentSource {
    /// Starts the agent. An error is a line for the user.
    pub(super) fn start(self) -> Result<RunningAgent, String> {
        match self {
            AgentSource::Builder(builder) => in_process(*builder),
            AgentSource::Program(command) => program(&command),
        }
    }
}

fn in_process(builder: AgentBuilder) -> Result<RunningAgent, String> {
    let failures = Failures::default();
    let seen = Arc::clone(&failures);
    let on_failure = builder.has_on_failure();
    let builder = builder
        .observe(move |failed| {
            let failure = MessageFailure {
                message: failed.message_name().to_string(),
                failure: failed.failure().copied(),
            };
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(failure);
        })
        // There is no other agent that health checks could move the load to.
        .limits(|limits| limits.lame_duck = Duration::ZERO);
    let mut agent = builder.build().map_err(|error| error.to_string())?;
    let problem = |error: std::io::Error| format!("cannot start the agent: {error}");
    let port = Port::free().map_err(problem)?;
    let address = port.address();
    let listener = TcpListener::bind(address).map_err(problem)?;
    listener.set_nonblocking(true).map_err(problem)?;
    let description = describe(&agent, address, on_failure);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("spoa-agent")
        .build()
        .map_err(problem)?;
    {
        let _entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(problem)?;
        // The frames stay on this machine, so they need no TLS.
        agent.listen_only(listener.into());
    }
    let (stop, stopped) = oneshot::channel::<()>();
    // A runtime cannot be dropped in a `#[tokio::test]`, so it belongs to a thread.
    let thread = std::thread::Builder::new()
        .name("spoa-agent".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = agent.serve(std::future::pending()) => {}
                }
            });
            runtime.shutdown_background();
        });
    Ok(RunningAgent {
        description,
        failures,
        log: Log::default(),
        port: Arc::new(port),
        kind: AgentHost::InProcess {
            stop: Some(stop),
            thread: Some(thread.map_err(problem)?),
        },
    })
}

fn describe(agent: &Agent, address: SocketAddr, on_failure: bool) -> spoa_config::Agent {
    let handlers: Vec<&'static Definition> = agent.handlers().collect();
    let described = Described {
        name: agent.name(),
        version: "",
        listeners: vec![address.to_string()],
        limits: agent.limits(),
        tls: JsonValue::Null,
        handlers: &handlers,
        on_failure,
    };
    let description = spoa_tools::description::read(&described.json().to_string());
    description.expect("the two ends of the format agree")
}

fn program(given: &Command) -> Result<RunningAgent, String> {
    let name = given.get_program().to_string_lossy().into_owned();
    let problem = |error: std::io::Error| format!("cannot start `{name}`: {error}");
    let mut asked = copy(given);
    let asked = asked
        .args(["handlers", "--json"])
        .stdin(Stdio::null())
        .output();
    let asked = asked.map_err(problem)?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr);
        return Err(format!(
            "`{name} handlers --json` failed: {}",
            said.trim_end()
        ));
    }
    let description = spoa_tools::description::read(&String::from_utf8_lossy(&asked.stdout));
    let description = description.map_err(|error| format!("`{name} handlers --json`: {error}"))?;
    let port = Port::free().map_err(problem)?;
    let address = port.address();
    let mut command = copy(given);
    command
        .args(given.get_args())
        .arg("--listen")
        .arg(address.to_string());
    let log = Log::default();
    let lines = log.clone();
    let program = Guarded::start(&command, None, move |line| lines.add(line)).map_err(problem)?;
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        if program.has_ended() || start.elapsed() > PATIENCE {
            let said = log.lines().join("\n");
            return Err(format!(
                "`{name} --listen {address}` does not listen there:\n{said}"
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(RunningAgent {
        description: spoa_config::Agent {
            listeners: vec![address.to_string()],
            ..description
        },
        failures: Failures::default(),
        log,
        port: Arc::new(port),
        kind: AgentHost::Program { program },
    })
}

/// Copies a command without its arguments.
fn copy(given: &Command) -> Command {
    let mut command = Command::new(given.get_program());
    for (name, value) in given.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(directory) = given.get_current_dir() {
        command.current_dir(directory);
    }
    command
}
