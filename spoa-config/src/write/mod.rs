//! The configuration of an agent's HAProxy as text: `spoe.conf`, the backend, the frontend.

mod backend;
mod condition;
mod frame;
mod frontend;
mod guard;
mod ladder;
mod page;
mod plan;
mod signature;
mod spoe;
mod text;

pub use ladder::Page;
pub use page::{page, unsaid};
pub use signature::{Writer, signed, writer};

use crate::{Agent, Series};
use plan::Plan;
use std::fmt;

/// What is to be written.
///
/// ```
/// use spoa_config::write::Options;
/// use spoa_config::Series;
///
/// let options = Options { engine: Some("waf".to_owned()), ..Options::new(Series::V3_2) };
/// assert_eq!(options.bind, [":8080"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The HAProxy it is for; later ones take it, too.
    pub series: Series,
    /// The name of the engine; by default the agent's.
    pub engine: Option<String>,
    /// What is in the names of all variables; by default the engine's name.
    pub prefix: Option<String>,
    /// The addresses of the agents, in HAProxy's notation; by default where the agent listens.
    pub servers: Vec<String>,
    /// The file of the authority that signed the agents' certificates; by default the agent's certificate,
    /// which is its own authority if it signed itself.
    pub ca_file: Option<String>,
    /// The file of HAProxy's own certificate and key, for agents that ask for one.
    pub crt: Option<String>,
    /// Which requests pass without a verdict.
    pub fail: Fail,
    /// The variables that are the verdict, as in `txn.blocked`; by default the first that each message
    /// sets.
    pub verdicts: Vec<String>,
    /// Pages of the site's for what is denied, and for challenges.
    pub pages: Vec<Page>,
    /// Lines of the frontend in the place of those that show the variables, and sections after them if
    /// need be. What they say of `bind` and `default_backend` holds, too.
    pub rules: Option<String>,
    /// Whether clients are shown the variables in headers, for trying things out.
    pub show: bool,
    /// Where the frontend listens.
    pub bind: Vec<String>,
    /// The path of spoe.conf, as the filter names it.
    pub spoe_file: String,
    /// How requests and their messages are told apart by whoever watches, if somebody does.
    pub watch: Option<Watch>,
}

impl Options {
    /// The defaults for a series.
    #[must_use]
    pub fn new(series: Series) -> Self {
        Options {
            series,
            engine: None,
            prefix: None,
            servers: Vec::new(),
            ca_file: None,
            crt: None,
            fail: Fail::Open,
            verdicts: Vec::new(),
            pages: Vec::new(),
            rules: None,
            show: false,
            bind: vec![":8080".to_owned()],
            spoe_file: "spoe.conf".to_owned(),
            watch: None,
        }
    }
}

/// A configuration for watching: HAProxy says of each request what became of it, and of each message
/// to which request it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The address of the server behind HAProxy.
    pub site: String,
}

impl Watch {
    /// The argument of each message that has the id of its request.
    pub const ARGUMENT: &'static str = "spoa-dev";

    /// A request in HAProxy's log: the id, the status, who ended it, milliseconds, why the agent has
    /// not answered, method and URI.
    pub const LOG_FORMAT: &'static str = "spoa-dev %ID %ST %ts %Ta %[var(ERROR)] %HM %HU";
}

/// What becomes of a request when the agent has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// It passes.
    Open,
    /// It is denied.
    Closed,
}

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// `spoe.conf`.
    pub spoe: String,
    /// The backend of the agents, a section of `haproxy.cfg`.
    pub backend: String,
    /// The lines of the frontend, without its first.
    pub frontend: String,
    /// A whole `haproxy.cfg` with both.
    pub haproxy: String,
    /// The name of the engine.
    pub engine: String,
    /// The prefix of the variables.
    pub prefix: String,
    /// What the user should know of it.
    pub warnings: Vec<Warning>,
}

/// Something in a configuration that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file and the line of the handler it is about.
    pub location: Option<(String, u32)>,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some((file, line)) => write!(f, "{file}:{line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The agent has no handler for any message of a name.
    NoMessages,
    /// The name of the engine is none that HAProxy takes.
    Engine(String),
    /// The prefix is none that HAProxy takes.
    Prefix(String),
    /// Nobody knows where the agent will listen.
    Address(String),
    /// A verdict is no variable of the agent's.
    Verdict {
        /// What was given.
        given: String,
        /// Those there are.
        known: Vec<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoMessages => f.write_str(
                "there is no message to send: write `#[spoe_message(\"…\")]` above a function",
            ),
            Refusal::Engine(name) => write!(
                f,
                "`{name}` is no name for an engine: HAProxy takes letters, digits, `-`, `_`, `.` and `:`"
            ),
            Refusal::Prefix(name) => write!(
                f,
                "`{name}` is no prefix for variables: HAProxy takes letters, digits, `_` and `.`"
            ),
            Refusal::Address(listener) => write!(
                f,
                "HAProxy has to know where the agent is, and `{listener}` does not say it: write \
                 `--server 127.0.0.1:PORT`"
            ),
            Refusal::Verdict { given, known } => {
                write!(f, "no handler is known to set `{given}`")?;
                match known.as_slice() {
                    [] => Ok(()),
                    known => write!(f, ": there is `{}`", known.join("`, `")),
                }
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Writes the configuration of an agent's HAProxy.
///
/// ```
/// use spoa_config::write::{Options, write};
/// use spoa_config::{Agent, Message, Series};
///
/// let agent = Agent {
///     name: "iprep".to_owned(),
///     messages: vec![Message { name: "check-ip".to_owned(), ..Message::default() }],
///     listeners: vec!["127.0.0.1:12345".to_owned()],
///     ..Agent::default()
/// };
/// let written = write(&agent, &Options::new(Series::V3_2))?;
/// assert!(written.spoe.contains("spoe-message check-ip\n"));
/// assert!(written.backend.contains("    server agent1 127.0.0.1:12345\n"));
/// # Ok::<(), spoa_config::write::Refusal>(())
/// ```
///
/// # Errors
/// A [`Refusal`] if HAProxy could take none.
pub fn write(agent: &Agent, options: &Options) -> Result<Configuration, Refusal> {
    let plan = Plan::new(agent, options)?;
    let backend = backend::section(&plan);
    let frontend = frontend::lines(&plan);
    let haproxy = frontend::file(&plan, &frontend, &backend);
    Ok(Configuration {
        spoe: signed(&agent.name, &spoe::file(&plan)),
        backend,
        frontend,
        haproxy: signed(&agent.name, &haproxy),
        engine: plan.engine,
        prefix: plan.prefix,
        warnings: plan.warnings,
    })
}

#[cfg(test)]
mod tests;
