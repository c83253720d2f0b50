//! A HAProxy before it is started: its configuration, the agent, the rules of the test.

use super::agent::{self, AgentSource};
use super::installed::{InstalledHaProxy, no_haproxy};
use super::request::Front;
use super::server::{ReceivedRequest, RecordingServer, Respond};
use super::site::Site;
use super::{HaProxy, Reply};
use crate::testing::log::Log;
use spoa_config::write::{Fail, Options, Page, write};
use spoa_tools::folder::Folder;
use spoa_tools::guarded::Guarded;
use spoa_tools::haproxy::{Haproxy as Found, NoHaproxy};
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The time that HAProxy has to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The socket that says that HAProxy has started.
const ADMIN: &str = "admin.sock";

/// Describes a HAProxy before it is started: made by [`HaProxy::agent`] or [`HaProxy::program`].
///
/// ```no_run
/// use spoa::agent::Agent;
/// use spoa::prelude::*;
/// use spoa::testing::HaProxy;
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(path: Text<'_>) -> bool {
///     path.starts_with("/admin")
/// }
///
/// // In a #[test]:
/// let haproxy = HaProxy::agent(Agent::builder().name("guard").handlers(handlers![check]))
///     .rules("http-request deny if { var(txn.guard.blocked) -m bool }")
///     .start();
/// assert_eq!(haproxy.get("/admin").send().status, 403);
/// ```
#[must_use = "`start` starts HAProxy"]
pub struct HaProxyBuilder {
    agent: AgentSource,
    rules: String,
    fail: Fail,
    pages: Vec<Page>,
    variables: Vec<String>,
    global: Vec<String>,
    server: Arc<Respond>,
    on: Option<Found>,
}

impl fmt::Debug for HaProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HaProxyBuilder");
        debug
            .field("agent", &self.agent)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl HaProxyBuilder {
    pub(super) fn new(agent: AgentSource) -> Self {
        HaProxyBuilder {
            agent,
            rules: String::new(),
            fail: Fail::Open,
            pages: Vec::new(),
            variables: Vec::new(),
            global: Vec::new(),
            server: Arc::new(|_| Reply::new(200, "hello\n").with("content-type", "text/plain")),
            on: None,
        }
    }

    /// Adds lines to the frontend, after those that `config` writes, and sections if need be: what
    /// `config --rules FILE` takes. So `include_str!("site.cfg")` tests the rules of the site.
    ///
    /// Each address of a `bind` line becomes one of 127.0.0.1 with a free port, wherever the rules have it, so tests
    /// run at the same time. [`RequestBuilder::to`](super::RequestBuilder::to) takes the address as it is written.
    pub fn rules(mut self, text: &str) -> Self {
        self.rules.push_str(text);
        self.rules.push('\n');
        self
    }

    /// Denies what has no answer from the agent, as `config --fail closed` does. By default it passes.
    pub fn fail_closed(mut self) -> Self {
        self.fail = Fail::Closed;
        self
    }

    /// Sets the page for a status, or for any challenge with `None`, as `config --page` does.
    pub fn page(mut self, status: Option<u16>, file: impl Into<PathBuf>) -> Self {
        let file: PathBuf = file.into();
        let file = std::path::absolute(&file).unwrap_or(file);
        self.pages.push(Page {
            status,
            file: file.to_string_lossy().into_owned(),
        });
        self
    }

    /// Names a variable that [`Reply::var`] shows, without the engine's prefix: `txn.blocked`. It is for those of
    /// `on_failure`, and of handlers that return [`Actions`](crate::handler::Actions). Variables that the types of the
    /// handlers declare are shown without being named.
    ///
    /// # Panics
    /// If it has no scope.
    #[track_caller]
    pub fn variable(mut self, name: &str) -> Self {
        let scope = name.split_once('.').map(|(scope, _)| scope);
        assert!(
            matches!(scope, Some("proc" | "sess" | "txn" | "req" | "res")),
            "`{name}` is not a variable: write `proc.`, `sess.`, `txn.`, `req.` or `res.` and its name without the \
             engine's prefix"
        );
        self.variables.push(name.to_owned());
        self
    }

    /// Adds a line to the section `global`, such as `tune.bufsize 65536`.
    pub fn global(mut self, line: &str) -> Self {
        self.global.push(line.to_owned());
        self
    }

    /// Sets what the server behind HAProxy responds. By default it is 200 and `hello`.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("check")] fn check() {}
    /// use spoa::testing::{HaProxy, Reply};
    ///
    /// let haproxy = HaProxy::agent(Agent::builder().handlers(handlers![check]))
    ///     .server(|request| match request.target.as_str() {
    ///         "/" => Reply::new(200, "home"),
    ///         _ => Reply::new(404, "no such page"),
    ///     })
    ///     .start();
    /// assert_eq!(haproxy.get("/a").send().status, 404);
    /// ```
    pub fn server(
        mut self,
        respond: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.server = Arc::new(respond);
        self
    }

    /// Sets which HAProxy runs. By default it is the first of the variable `SPOA_HAPROXY`, else the one on the
    /// `PATH`.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("check")] fn check() {}
    /// use spoa::testing::HaProxy;
    ///
    /// for installed in HaProxy::installed() {
    ///     let haproxy = HaProxy::agent(Agent::builder().handlers(handlers![check]))
    ///         .on(&installed)
    ///         .start();
    ///     assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
    /// }
    /// ```
    pub fn on(mut self, haproxy: &InstalledHaProxy) -> Self {
        self.on = Some(haproxy.0.clone());
        self
    }

    /// Starts the agent and HAProxy, and waits until HAProxy takes requests.
    ///
    /// # Panics
    /// If there is no HAProxy, with a line that says how to get one; if HAProxy refuses the configuration; or if the
    /// agent does not start.
    #[track_caller]
    #[must_use]
    pub fn start(self) -> HaProxy {
        let started = self
            .found()
            .and_then(|(builder, found)| builder.run(&found));
        match started {
            Ok(haproxy) => haproxy,
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Starts HAProxy as [`start`](Self::start) does, or returns `None` if this machine has no HAProxy. It says
    /// so on standard error, also if the test passes.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # use spoa::testing::HaProxy;
    /// # #[spoe_message("check")] fn check() {}
    /// # fn test() {
    /// let agent = Agent::builder().handlers(handlers![check]);
    /// let Some(haproxy) = HaProxy::agent(agent).start_or_skip() else { return };
    /// # }
    /// ```
    ///
    /// # Panics
    /// If a HAProxy is there and does not start.
    #[track_caller]
    #[must_use]
    pub fn start_or_skip(self) -> Option<HaProxy> {
        if self.on.is_none() {
            if let Err(missing @ NoHaproxy::Missing) = Found::find(None) {
                // Not by `eprintln!`, which the test runner hides.
                let line = format!("SKIPPED: {}\n", no_haproxy(&missing));
                let _ = io::stderr().write_all(line.as_bytes());
                return None;
            }
        }
        Some(self.start())
    }

    fn found(self) -> Result<(Self, Found), String> {
        let found = match &self.on {
            Some(found) => found.clone(),
            None => Found::find(None).map_err(|missing| no_haproxy(&missing))?,
        };
        Ok((self, found))
    }

    fn run(self, found: &Found) -> Result<HaProxy, String> {
        let HaProxyBuilder {
            agent,
            rules,
            fail,
            pages,
            variables,
            global,
            server,
            ..
        } = self;
        let running = agent.start()?;
        let problem = |error: io::Error| format!("cannot start HAProxy: {error}");
        let server = RecordingServer::start(server).map_err(problem)?;
        let options = Options {
            fail,
            pages,
            ..Options::new(found.series)
        };
        // The prefix is in the names that the rules show.
        let prefix = write(&running.description, &options)
            .map_err(|refusal| refusal.to_string())?
            .prefix;
        let variables = shown(&running.description, variables);
        let mut tries = 0;
        loop {
            let site = Site::new(&rules, &variables, &prefix, server.address()).map_err(problem)?;
            let options = Options {
                rules: Some(site.rules.clone()),
                ..options.clone()
            };
            match launch(found, &running, &options, &global)? {
                Launched::Runs {
                    process,
                    folder,
                    log,
                } => {
                    return Ok(HaProxy {
                        process,
                        agent_port: Arc::clone(&running.port),
                        agent: Some(running),
                        front: Arc::new(Front {
                            address: site.front,
                            proxied: site.proxied,
                            addresses: site.addresses.clone(),
                            variables,
                            log,
                        }),
                        installed: InstalledHaProxy(found.clone()),
                        server,
                        folder,
                        site,
                    });
                }
                // A program that is not a test may have taken a port meanwhile.
                Launched::Ended(said)
                    if said.to_lowercase().contains("cannot bind") && tries < 3 =>
                {
                    tries += 1
                }
                Launched::Ended(said) => {
                    let installed = InstalledHaProxy(found.clone());
                    return Err(format!("{installed} did not start:\n{said}"));
                }
            }
        }
    }
}

/// Lists the variables that are shown: those of the types of the handlers, and those that the test names.
fn shown(agent: &spoa_config::Agent, named: Vec<String>) -> Vec<String> {
    let declared = agent.messages.iter().flat_map(|message| &message.variables);
    let declared = declared.map(|variable| format!("{}.{}", variable.scope, variable.name));
    let mut shown = Vec::new();
    for name in declared.chain(named) {
        if !shown.contains(&name) {
            shown.push(name);
        }
    }
    shown
}

/// A HAProxy that runs, or the output of one that does not.
enum Launched {
    Runs {
        process: Guarded,
        folder: Folder,
        log: Log,
    },
    Ended(String),
}

/// Returns a file of `config` with longer times: on a busy machine, an answer or a health check that is late says
/// nothing about the agent.
fn patient(text: &str) -> String {
    let mut patient = String::new();
    for line in text.lines() {
        let line = if line.starts_with("    timeout processing ") {
            "    timeout processing 20s"
        } else if line.starts_with("    timeout hello ") {
            "    timeout hello 20s"
        } else if line.starts_with("    default-server check inter ") {
            // One check that fails is enough for a server that has not passed one yet.
            "    timeout check 20s\n    default-server check inter 500ms fastinter 100ms fall 10 rise 1"
        } else {
            line
        };
        patient.push_str(line);
        patient.push('\n');
    }
    patient
}

fn launch(
    found: &Found,
    agent: &agent::RunningAgent,
    options: &Options,
    global: &[String],
) -> Result<Launched, String> {
    let written = write(&agent.description, options).map_err(|refusal| refusal.to_string())?;
    for warning in &written.warnings {
        eprintln!("warning: {warning}");
    }
    let problem = |error: io::Error| format!("cannot start HAProxy: {error}");
    let folder = Folder::make().map_err(problem)?;
    let path = |name: &str| folder.path().join(name);
    let admin = path(ADMIN);
    // With several threads HAProxy loses a line of its log now and then.
    let mut first = format!(
        "global\n    nbthread 1\n    stats socket {} mode 600\n",
        admin.display()
    );
    for line in global {
        first.push_str(&format!("    {line}\n"));
    }
    for (name, text) in [
        ("global.cfg", first),
        ("haproxy.cfg", patient(&written.haproxy)),
        ("spoe.conf", patient(&written.spoe)),
    ] {
        fs::write(path(name), text).map_err(problem)?;
    }
    let mut command = Command::new(found.path.canonicalize().map_err(problem)?);
    command.args(["-db", "-f", "global.cfg", "-f", "haproxy.cfg"]);
    command.current_dir(folder.path());
    let log = Log::default();
    let lines = log.clone();
    let process = Guarded::start(&command, Some(folder.path()), move |line| lines.add(line));
    let process = process.map_err(problem)?;
    let start = Instant::now();
    // A connection to the frontend would be a session, which the agent may be told of.
    while !answers(&admin) {
        if process.has_ended() {
            return Ok(Launched::Ended(log.lines().join("\n")));
        }
        if start.elapsed() > PATIENCE {
            return Err(format!(
                "HAProxy has not started after {PATIENCE:?}:\n{}",
                log.lines().join("\n")
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Launched::Runs {
        process,
        folder,
        log,
    })
}

/// Returns whether HAProxy answers on its socket.
fn answers(admin: &Path) -> bool {
    let ask = || {
        let mut socket = UnixStream::connect(admin)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(b"show info\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        io::Result::Ok(answer.contains("Pid: "))
    };
    ask().unwrap_or(false)
}
