//! The options of a configuration, and the reasons to refuse them.

use super::buffers::Buffers;
use crate::Series;
use std::fmt;
use std::time::Duration;

/// The options of a configuration.
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
    /// The oldest HAProxy that reads the files. Later ones read them, too.
    pub series: Series,
    /// The name of the engine; by default the agent's.
    pub engine: Option<String>,
    /// The prefix of all variables; by default the engine's name.
    pub prefix: Option<String>,
    /// The addresses of the agents, in HAProxy's notation; by default the agent's first listener.
    pub servers: Vec<String>,
    /// The file of the authority that signed the agents' certificates; by default the agent's certificate,
    /// which is its own authority if it signed itself.
    pub ca_file: Option<String>,
    /// The file of HAProxy's own certificate and key, for agents that ask for one.
    pub crt: Option<String>,
    /// The sample whose value chooses the agent: all messages of one value go to one agent. HAProxy can do so from
    /// 3.1 on.
    pub sticky: Option<String>,
    /// Answers that HAProxy keeps for a while, so that it does not ask again.
    pub cache: Option<Cache>,
    /// The fate of a request without an answer.
    pub fail: Fail,
    /// The variables that `--fail closed` tests, as in `txn.blocked`; by default the first that each message
    /// sets.
    pub verdicts: Vec<String>,
    /// Pages of the site for denials and challenges.
    pub pages: Vec<Page>,
    /// Lines of the frontend that replace those that show the variables; sections may follow them. A
    /// `bind` or a `default_backend` in them replaces the written one.
    pub rules: Option<String>,
    /// Whether clients see the variables in headers, for trying things out.
    pub show: bool,
    /// The addresses of the frontend.
    pub bind: Vec<String>,
    /// The path of spoe.conf in the filter's line.
    pub spoe_file: String,
    /// The sizes of HAProxy's buffers.
    pub buffers: Buffers,
    /// The marks by which an observer assigns messages to requests; `None` without an observer.
    pub request_logging: Option<RequestLogging>,
}

impl Options {
    /// Returns the defaults for a series.
    #[must_use]
    pub fn new(series: Series) -> Self {
        Options {
            series,
            engine: None,
            prefix: None,
            servers: Vec::new(),
            ca_file: None,
            crt: None,
            sticky: None,
            cache: None,
            fail: Fail::Open,
            verdicts: Vec::new(),
            pages: Vec::new(),
            rules: None,
            show: false,
            bind: vec![":8080".to_owned()],
            spoe_file: "spoe.conf".to_owned(),
            buffers: Buffers::default(),
            request_logging: None,
        }
    }
}

/// How long HAProxy keeps an answer, and for which requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The sample that two requests with one answer share, such as `src`.
    pub key: String,
    /// The time until the answer is asked for again, in whole seconds.
    pub time: Duration,
}

/// A configuration for an observer: HAProxy logs the fate of each request, and each message carries the id
/// of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLogging {
    /// The address of the server behind HAProxy.
    pub site: String,
}

impl RequestLogging {
    /// The argument of each message that has the id of its request.
    pub const ARGUMENT: &'static str = "spoa-dev";

    /// A request in HAProxy's log: the id, the status, the end that closed it, milliseconds, the reason why
    /// there was no answer, method and URI.
    pub const LOG_FORMAT: &'static str = "spoa-dev %ID %ST %ts %Ta %[var(ERROR)] %HM %HU";
}

/// The fate of a request without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// The request passes.
    Open,
    /// The request is denied.
    Closed,
}

/// A page of the site: a file that HAProxy reads when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status of the denials that get the page; `None` for challenges.
    pub status: Option<u16>,
    /// The path of the file.
    pub file: String,
}

/// A reason to write no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The agent has no handler with the name of a message.
    NoMessages,
    /// HAProxy does not take the name of the engine.
    Engine(String),
    /// HAProxy does not take the prefix.
    Prefix(String),
    /// The address of the agent is not known.
    Address(String),
    /// HAProxy before 3.1 cannot choose an agent by a key.
    StickyTooOld,
    /// The sample of `--sticky` cannot be the key.
    Sticky {
        /// The sample that was given.
        sample: String,
        /// The reason.
        reason: String,
    },
    /// No answer can be kept by the sample of `--cache`.
    Cache {
        /// The sample that was given.
        sample: String,
        /// The reason.
        reason: String,
    },
    /// No handler sets the variable of a `--verdict`.
    Verdict {
        /// The variable that was given.
        given: String,
        /// The variables that handlers set.
        known: Vec<String>,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoMessages => f.write_str(
                "the agent answers no messages: write `#[spoe_message(\"…\")]` above a function",
            ),
            Refusal::Engine(name) => write!(
                f,
                "`{name}` is not a name for an engine: HAProxy takes letters, digits, `-`, `_`, `.` and `:`"
            ),
            Refusal::Prefix(name) => write!(
                f,
                "`{name}` is not a prefix for variables: HAProxy takes letters, digits, `_` and `.`"
            ),
            Refusal::Address(listener) => write!(
                f,
                "HAProxy needs the address of the agent, and cannot connect to `{listener}`: write \
                 `--server 127.0.0.1:PORT`"
            ),
            Refusal::StickyTooOld => f.write_str(
                "option `--sticky` needs HAProxy 3.1 or later: before, the backend of the agents does not see the \
                 variables of the request; write `--haproxy 3.2`",
            ),
            Refusal::Sticky { sample, reason } => {
                write!(f, "option `--sticky` cannot use `{sample}`: {reason}")
            }
            Refusal::Cache { sample, reason } => {
                write!(f, "option `--cache` cannot use `{sample}`: {reason}")
            }
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
