//! A real HAProxy in front of the agent under test, with the configuration that `config` writes.

mod agent;
mod builder;
mod http1;
mod http2;
mod http_get;
mod installed;
mod reply;
mod request;
mod server;
mod site;

pub use builder::HaProxyBuilder;
pub use http_get::http_get;
pub use installed::InstalledHaProxy;
pub use reply::Reply;
pub use request::RequestBuilder;
pub use server::ReceivedRequest;

use super::port::Port;
use super::{HttpRequest, MessageFailure};
use crate::agent::{Agent, AgentBuilder};
use crate::handler::Definition;
use agent::{AgentSource, RunningAgent};
use request::Front;
use server::RecordingServer;
use site::Site;
use spoa_tools::folder::Folder;
use spoa_tools::guarded::Guarded;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The time that a line of a log may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running HAProxy in front of an agent. Features `testing` and `tools`.
///
/// HAProxy is the one of this machine: the first that the variable `SPOA_HAPROXY` names, else the one on the `PATH`.
/// Its configuration is what `config` writes for the agent: the messages, the rules that enforce verdicts, and
/// [rules of the test's own](HaProxyBuilder::rules). A server behind HAProxy responds 200 and keeps what it
/// [received](HaProxy::received).
///
/// ```no_run
/// use spoa::http::{Outcomes, Path, Verdict};
/// use spoa::prelude::*;
/// use spoa::testing::HaProxy;
///
/// spoa::outcomes! {
///     struct Guard {
///         deny: 403;
///     }
/// }
///
/// #[spoe_message("check", event = "on-frontend-http-request")]
/// fn check(path: Path<'_>) -> Verdict<Guard> {
///     if path == "/admin" { Verdict::deny::<403>() } else { Verdict::allow() }
/// }
///
/// # /*
/// #[test]
/// # */
/// fn only_admin_is_denied() {
///     let haproxy = HaProxy::start(handlers![check]);
///     assert_eq!(haproxy.get("/admin").send().status, 403);
///     assert_eq!(haproxy.get("/").http2().send().status, 200);
/// }
/// # only_admin_is_denied();
/// ```
///
/// In a `#[tokio::test]` it is `haproxy.get("/admin").await`. The agent has threads of its own, so that the time of
/// such a test cannot be paused for it.
///
/// Some times are longer than in the files that `config` writes, so that a busy machine fails no test: HAProxy waits 20
/// seconds for an answer (`timeout processing`) and for an AGENT-HELLO (`timeout hello`), and for ten failed health checks
/// before an agent is DOWN. Deadlines of handlers stay as they are.
///
/// HAProxy, the agent and the server end when the value is dropped, and HAProxy also if the process of the test is
/// killed. If the test panics, HAProxy's log and the failures of handlers are printed.
#[derive(Debug)]
pub struct HaProxy {
    /// HAProxy ends first, so that it does not complain about an agent that is gone.
    process: Guarded,
    agent: Option<RunningAgent>,
    #[allow(
        dead_code,
        reason = "no other agent gets the messages after `stop_agent`"
    )]
    agent_port: Arc<Port>,
    front: Arc<Front>,
    installed: InstalledHaProxy,
    server: RecordingServer,
    #[allow(dead_code, reason = "the ports are free when this is dropped")]
    site: Site,
    #[allow(dead_code, reason = "the folder is removed when this is dropped")]
    folder: Folder,
}

impl HaProxy {
    /// Starts HAProxy in front of these handlers. The engine, and so the prefix of the variables, is `spoa`.
    ///
    /// # Panics
    /// As [`HaProxyBuilder::start`].
    #[track_caller]
    #[must_use]
    pub fn start(handlers: impl IntoIterator<Item = &'static Definition>) -> Self {
        HaProxy::agent(Agent::builder().handlers(handlers)).start()
    }

    /// Describes a HAProxy in front of an agent in this process: with state, limits, `on_failure`. Wherever the builder
    /// was told to listen, it listens on a free port of 127.0.0.1, without TLS. The agent's name is that of the engine
    /// and the prefix of the variables.
    pub fn agent(agent: AgentBuilder) -> HaProxyBuilder {
        HaProxyBuilder::new(AgentSource::Builder(Box::new(agent)))
    }

    /// Describes a HAProxy in front of a program, such as `Command::new(env!("CARGO_BIN_EXE_my-agent"))`: one that calls
    /// `run!`, or takes the options `handlers --json` and `--listen ADDRESS` as such a program does.
    ///
    /// ```no_run
    /// use spoa::testing::HaProxy;
    /// use std::process::Command;
    ///
    /// let haproxy = HaProxy::program(Command::new("target/debug/my-agent")).start();
    /// assert_eq!(haproxy.get("/").send().status, 200);
    /// ```
    pub fn program(command: Command) -> HaProxyBuilder {
        HaProxyBuilder::new(AgentSource::Program(command))
    }

    /// Returns all HAProxies of the variable `SPOA_HAPROXY`, whose paths have a `:` between them, else the one on the
    /// `PATH`: for tests [on](HaProxyBuilder::on) several versions.
    ///
    /// # Panics
    /// If this machine has no HAProxy, with a line that says how to get one.
    #[track_caller]
    #[must_use]
    pub fn installed() -> Vec<InstalledHaProxy> {
        match InstalledHaProxy::all() {
            Ok(all) => all,
            Err(missing) => panic!("{missing}"),
        }
    }

    /// Returns the oldest of the [installed](HaProxy::installed) HAProxies, the newest, and one between: for tests that
    /// take too long on each of them. If there are fewer, returns those.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::agent::Agent;
    /// # #[spoe_message("check")] fn check() {}
    /// use spoa::testing::HaProxy;
    ///
    /// for installed in HaProxy::oldest_middle_newest() {
    ///     let haproxy = HaProxy::agent(Agent::builder().handlers(handlers![check]))
    ///         .on(&installed)
    ///         .start();
    ///     assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
    /// }
    /// ```
    ///
    /// # Panics
    /// As [`HaProxy::installed`].
    #[track_caller]
    #[must_use]
    pub fn oldest_middle_newest() -> Vec<InstalledHaProxy> {
        installed::spread(HaProxy::installed())
    }

    /// Returns the newest of the [installed](HaProxy::installed) HAProxies: for tests to which its version does not
    /// matter.
    ///
    /// # Panics
    /// As [`HaProxy::installed`].
    #[track_caller]
    #[must_use]
    pub fn newest() -> InstalledHaProxy {
        let newest = HaProxy::oldest_middle_newest().pop();
        newest.expect("`installed` returns at least one")
    }

    /// Returns the HAProxy that runs.
    #[must_use]
    pub fn version(&self) -> &InstalledHaProxy {
        &self.installed
    }

    /// Makes a `GET` of a path and query.
    pub fn get(&self, target: &str) -> RequestBuilder {
        self.request("GET", target)
    }

    /// Makes a `POST` with a body.
    pub fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        RequestBuilder::new(&self.front, "POST", target, body.into())
    }

    /// Makes a request of any method.
    pub fn request(&self, method: &str, target: &str) -> RequestBuilder {
        RequestBuilder::new(&self.front, method, target, Vec::new())
    }

    /// Makes a request of the text that [`TestAgent::request`](super::TestAgent::request) takes.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # #[spoe_message("check")] fn check() {}
    /// use spoa::testing::{HaProxy, HttpRequest};
    ///
    /// let request = HttpRequest::new("GET /admin HTTP/1.1\r\nHost: example.org\r\n\r\n");
    /// let reply = HaProxy::start(handlers![check]).http_request(&request).send();
    /// ```
    pub fn http_request(&self, request: &HttpRequest) -> RequestBuilder {
        RequestBuilder::text(&self.front, request)
    }

    /// Makes a request of bytes, which are sent as they are. The response is the first that comes.
    ///
    /// ```no_run
    /// # use spoa::prelude::*;
    /// # use spoa::testing::HaProxy;
    /// # #[spoe_message("check")] fn check() {}
    /// let haproxy = HaProxy::start(handlers![check]);
    /// assert_eq!(haproxy.raw(b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n").send().status, 400);
    /// ```
    pub fn raw(&self, bytes: impl Into<Vec<u8>>) -> RequestBuilder {
        RequestBuilder::raw(&self.front, bytes.into())
    }

    /// Returns where HAProxy takes requests, for a client of the test's own.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Returns the requests that the server behind HAProxy received so far.
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedRequest> {
        self.server.received()
    }

    /// Returns the lines that HAProxy has printed so far, its log among them.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.front.log.lines()
    }

    /// Waits for a line of HAProxy with a text, and returns the first.
    ///
    /// # Panics
    /// If no such line comes for 20 seconds.
    #[track_caller]
    #[must_use]
    pub fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_after(0, text)
    }

    #[track_caller]
    fn wait_for_log_after(&self, seen: usize, text: &str) -> String {
        match self.front.log.wait_for_after(seen, text, PATIENCE) {
            Some(line) => line,
            None => panic!(
                "HAProxy did not print `{text}`; it printed:\n{}",
                self.log().join("\n")
            ),
        }
    }

    /// Returns the messages whose handlers failed so far, and why. A program's failures are in
    /// [its log](HaProxy::agent_log).
    #[must_use]
    pub fn failures(&self) -> Vec<MessageFailure> {
        let Some(agent) = &self.agent else {
            return Vec::new();
        };
        let failures = agent
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let failures = failures.iter().map(|failed| MessageFailure {
            message: failed.message.clone(),
            failure: failed.failure.copied(),
        });
        failures.collect()
    }

    /// Returns the lines that the agent's program has printed so far. An agent in this process logs as the test has set
    /// up `tracing`.
    #[must_use]
    pub fn agent_log(&self) -> Vec<String> {
        self.agent
            .as_ref()
            .map(|agent| agent.log.lines())
            .unwrap_or_default()
    }

    /// Waits for a line of the agent's program with a text, and returns the first.
    ///
    /// # Panics
    /// If no such line comes for 20 seconds.
    #[track_caller]
    pub fn wait_for_agent_log(&self, text: &str) -> String {
        let agent = self.agent.as_ref();
        match agent.and_then(|agent| agent.log.wait_for(text, PATIENCE)) {
            Some(line) => line,
            None => panic!(
                "the agent did not print `{text}`; it printed:\n{}",
                self.agent_log().join("\n")
            ),
        }
    }

    /// Ends the agent as if it were killed: its connections close, and nothing listens there. Returns when HAProxy's
    /// health checks have noticed, after one to two seconds: up to 3.0, HAProxy keeps a request that comes earlier until
    /// `timeout processing` is over.
    ///
    /// # Panics
    /// If they do not notice for 20 seconds.
    #[track_caller]
    pub fn stop_agent(&mut self) {
        // The server may have been DOWN before, until the agent was there.
        let seen = self.log().len();
        if self.agent.take().is_some() {
            self.wait_for_log_after(seen, "-agents/agent1 is DOWN, ");
        }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // HAProxy logs a request a moment after its response.
            std::thread::sleep(Duration::from_millis(50));
            eprintln!("{} printed:\n{}", self.installed, self.log().join("\n"));
            for failed in self.failures() {
                eprintln!("{failed}");
            }
            for line in self.agent_log() {
                eprintln!("agent: {line}");
            }
        }
        self.process.stop();
    }
}
