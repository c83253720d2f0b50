//! `dev`: an agent with a real HAProxy and a server, and a line for each request.
//!
//! The agent's program brings a tap, which passes frames on between HAProxy and the agent and tells
//! the [`RequestLog`] what it saw.

mod decision;
mod echo;
mod front;
mod request_log;

pub use request_log::{NotifyId, RequestLog};

use crate::command::{self, CommandInput, CommandOption as Opt};
use crate::doctor::check;
use crate::folder::Folder;
use crate::guarded::Guarded;
use crate::haproxy::Haproxy;
use crate::terminal::{Paint, print};
use front::Front;
use spoa_config::Agent;
use spoa_config::doctor::Severity;
use spoa_config::write::{self, RequestLogging, write};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// The time that HAProxy has to start listening.
const PATIENCE: Duration = Duration::from_secs(20);

/// The options of `dev`.
///
/// ```
/// use spoa_tools::command::CommandInput;
/// use spoa_tools::dev::Dev;
///
/// assert_ne!(Dev::read(&CommandInput::default().option("port", "8080")), Dev::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dev {
    /// The HAProxy to run.
    bin: Option<PathBuf>,
    /// The user's own configuration.
    config: Option<PathBuf>,
    /// The port to listen on.
    port: Option<u16>,
}

impl Dev {
    /// The command as plain data.
    pub const COMMAND: command::Command = command::Command {
        name: "dev",
        summary: "Run the agent behind a real HAProxy and show each request",
        options: &[
            Opt::path("haproxy-bin", "PATH", "HAProxy to run")
                .default("the first of SPOA_HAPROXY, else of the PATH"),
            Opt::path(
                "haproxy-config",
                "FILE",
                "haproxy.cfg of your own, not that of `config`",
            ),
            Opt::text("port", "PORT", "Port of 127.0.0.1 for requests")
                .default("a free one")
                .check(|text| match text.parse::<u16>() {
                    Ok(1..) => Ok(()),
                    _ => Err("write a port from 1 to 65535".to_owned()),
                }),
        ],
        operands: None,
        notes: "",
    };

    /// Reads what the command line gives.
    #[must_use]
    pub fn read(given: &CommandInput) -> Self {
        Dev {
            bin: given.path("haproxy-bin"),
            config: given.path("haproxy-config"),
            port: given.text("port").and_then(|port| port.parse().ok()),
        }
    }

    /// Starts HAProxy for an agent that listens on a TCP address.
    ///
    /// The tap takes connections on a listener, passes their bytes on to the agent at an address and back, and tells a
    /// log about the frames. It is called within a runtime and returns at once.
    ///
    /// # Errors
    /// A line for the user: there is no HAProxy, it does not start, or its configuration has an error.
    pub async fn start(
        &self,
        agent: &Agent,
        address: &str,
        tap: impl Fn(TcpListener, String, Arc<RequestLog>),
    ) -> Result<RunningHaproxy, String> {
        let haproxy = Haproxy::find(self.bin.as_deref()).map_err(|error| error.to_string())?;
        let folder = Folder::make();
        let folder = folder.map_err(|error| format!("cannot make a temporary folder: {error}"))?;
        // The tap reads the frames.
        let agent = Agent {
            tls: None,
            ..agent.clone()
        };
        let log = Arc::new(RequestLog::of(&agent));
        let start = match &self.config {
            Some(file) => {
                examine(&agent, file, &haproxy)?;
                let tap = |listener| tap(listener, address.to_owned(), Arc::clone(&log));
                self.own(&agent, file, tap).await
            }
            None => {
                let tap = |listener| tap(listener, address.to_owned(), Arc::clone(&log));
                self.generated(&agent, &haproxy, folder.path(), tap).await
            }
        }?;
        let proxy = run(&haproxy, &start.file, folder.path(), Arc::clone(&log))
            .map_err(|error| format!("cannot start HAProxy: {error}"))?;
        if let Some(front) = &start.front {
            ready(&proxy, front.address()).await?;
        }
        let (version, path) = (&haproxy.version, haproxy.path.display());
        let text = format!(
            "behind HAProxy {version} ({path})\n{}Ctrl-C stops both.\n\n",
            start.text
        );
        Ok(RunningHaproxy {
            proxy,
            log,
            folder,
            text,
        })
    }

    /// Prepares the configuration that `config` writes, and a server that shows what it received.
    async fn generated(
        &self,
        agent: &Agent,
        haproxy: &Haproxy,
        directory: &Path,
        tap: impl FnOnce(TcpListener),
    ) -> Result<Start, String> {
        let failed = |port, error| format!("cannot listen on 127.0.0.1:{port}: {error}");
        let listen = || async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            let listener = listener.map_err(|error| failed(0, error))?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            Ok::<_, String>((listener, address))
        };
        let (site, site_address) = listen().await?;
        let (tapped, tap_address) = listen().await?;
        let front = Front::take(self.port);
        let front = front.map_err(|error| failed(self.port.unwrap_or(0), error))?;

        let agent = Agent {
            listeners: vec![tap_address.to_string()],
            ..agent.clone()
        };
        let options = write::Options {
            bind: vec![front.address().to_string()],
            show: true,
            request_logging: Some(RequestLogging {
                site: site_address.to_string(),
            }),
            ..write::Options::new(haproxy.series)
        };
        let written = write(&agent, &options).map_err(|refusal| refusal.to_string())?;
        let file = directory.join("haproxy.cfg");
        for (path, text) in [
            (&file, &written.haproxy),
            (&directory.join("spoe.conf"), &written.spoe),
        ] {
            let wrote = fs::write(path, text);
            wrote.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        }
        for warning in &written.warnings {
            eprintln!("warning: {warning}");
        }
        tokio::spawn(echo::serve(site));
        tap(tapped);
        Ok(Start {
            file,
            text: format!("Try it:  curl -i http://{}/\n", front.address()),
            front: Some(front),
        })
    }

    /// Prepares the user's own configuration: the tap listens where the agent would.
    async fn own(
        &self,
        agent: &Agent,
        file: &Path,
        tap: impl Fn(TcpListener),
    ) -> Result<Start, String> {
        let mut text = format!("HAProxy runs with {}.\n", file.display());
        for listen in &agent.listeners {
            // A port alone is every address of this machine.
            let address = match listen.rsplit_once(':') {
                Some(("" | "*", port)) => format!("0.0.0.0:{port}"),
                _ => listen.clone(),
            };
            let listener = TcpListener::bind(&address).await.map_err(|error| {
                format!(
                    "cannot listen on {listen} for HAProxy: {error}; `dev` takes TCP addresses only"
                )
            })?;
            text.push_str(&format!("The agent listens on {listen}.\n"));
            tap(listener);
        }
        Ok(Start {
            file: file.to_owned(),
            front: None,
            text,
        })
    }
}

/// Starts HAProxy in the folder of its configuration.
fn run(
    haproxy: &Haproxy,
    config: &Path,
    folder: &Path,
    log: Arc<RequestLog>,
) -> io::Result<Guarded> {
    let config = config.canonicalize()?;
    // A full path, since it is started in another folder.
    let mut command = Command::new(haproxy.path.canonicalize()?);
    command.args(["-db", "-f"]).arg(&config);
    if let Some(directory) = config.parent() {
        command.current_dir(directory);
    }
    Guarded::start(&command, Some(folder), move |line| log.printed(line))
}

/// Waits until HAProxy listens on an address.
async fn ready(proxy: &Guarded, front: SocketAddr) -> Result<(), String> {
    let start = Instant::now();
    while TcpStream::connect(front).await.is_err() {
        if proxy.has_ended() {
            return Err("HAProxy did not start: its output is above".to_owned());
        }
        if start.elapsed() > PATIENCE {
            return Err(format!(
                "HAProxy does not listen on {front} after {PATIENCE:?}"
            ));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Prints what is wrong with the user's configuration. HAProxy is not started if there is an error.
fn examine(agent: &Agent, file: &Path, haproxy: &Haproxy) -> Result<(), String> {
    let diagnosis = check(&[file.to_owned()], Some(agent), Some(haproxy.series))?;
    if diagnosis.worst().is_some() {
        let text = diagnosis.text(Paint::of(&std::io::stdout()));
        print(&text).map_err(|error| format!("cannot write to standard output: {error}"))?;
    }
    match diagnosis.worst() {
        Some(Severity::Error) => Err(format!(
            "`{}` does not work with this agent: fix the errors above",
            file.display()
        )),
        _ => Ok(()),
    }
}

/// The configuration that HAProxy is started with.
#[derive(Debug)]
struct Start {
    file: PathBuf,
    /// Where HAProxy will listen, if that is known.
    front: Option<Front>,
    /// The text for the user.
    text: String,
}

/// A running HAProxy. It ends when this is dropped.
#[derive(Debug)]
pub struct RunningHaproxy {
    proxy: Guarded,
    log: Arc<RequestLog>,
    /// It is removed after HAProxy has ended.
    #[allow(dead_code, reason = "the folder is removed when this is dropped")]
    folder: Folder,
    text: String,
}

impl RunningHaproxy {
    /// Returns what to tell the user, after the name of the agent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Waits until `stop` is done or HAProxy ends, then ends HAProxy.
    ///
    /// # Errors
    /// A line for the user: HAProxy ended first.
    pub async fn until(&mut self, stop: impl Future<Output = ()>) -> Result<(), String> {
        let by_itself = tokio::select! {
            () = stop => false,
            () = self.proxy.ended() => true,
        };
        // HAProxy goes first, so that it does not complain about an agent that is gone.
        self.log.close();
        match self.proxy.stop() {
            _ if !by_itself => Ok(()),
            // The status that a shell reports for a child ended by a signal.
            Some(status) if status > 128 => {
                Err(format!("HAProxy was ended by signal {}", status - 128))
            }
            _ => Err("HAProxy stopped: its output is above".to_owned()),
        }
    }
}
