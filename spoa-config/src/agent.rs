//! An agent as HAProxy sees it: its messages, their arguments, and the variables it sets.

use crate::{Variable, Verdict};
use spoa_facts::Expected;
use std::time::Duration;

/// An agent.
///
/// Write `..Default::default()` after the fields that you set: later versions may have more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// The name of the agent.
    pub name: String,
    /// The messages that it answers.
    pub messages: Vec<Message>,
    /// Whether the agent also answers messages of other names.
    pub fallback: bool,
    /// The addresses where the agent listens, in HAProxy's notation.
    pub listeners: Vec<String>,
    /// The largest frame that the agent agrees to, in bytes.
    pub max_frame_size: u32,
    /// The TLS of the agent, if it speaks TLS.
    pub tls: Option<Tls>,
}

/// The TLS of an agent's TCP sockets.
///
/// A description sets all of its fields. A new one is a breaking change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The file of the agent's certificate.
    pub certificate: String,
    /// Whether HAProxy has to show a certificate of its own.
    pub mutual: bool,
}

/// One message and its handler.
///
/// Write `..Default::default()` after the fields that you set: later versions may have more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The name of the message.
    pub name: String,
    /// The path of the handler's function.
    pub function: String,
    /// The file and the line the function is in.
    pub location: (String, u32),
    /// The doc comment of the function.
    pub docs: String,
    /// The longest time that the handler may take, if it can wait.
    pub timeout: Option<Duration>,
    /// The event at which HAProxy sends it, such as `on-frontend-http-request`.
    pub event: Option<String>,
    /// The condition after the event, such as `if { path_beg /api }`.
    pub condition: Option<String>,
    /// The group it is sent with, by a rule instead of an event.
    pub group: Option<String>,
    /// The arguments that the handler takes.
    pub arguments: Vec<Argument>,
    /// The variables that the handler sets, as far as they are known without running it.
    pub variables: Vec<Variable>,
    /// The verdicts that the handler can return.
    pub verdicts: Vec<Verdict>,
    /// Whether these are all variables that the agent sets in answer to it, a failure included.
    pub complete: bool,
}

impl Message {
    /// Says where the handler is, if the description says so.
    pub(crate) fn place(&self) -> Option<String> {
        let (file, line) = &self.location;
        let function = &self.function;
        (!function.is_empty()).then(|| format!("its handler is `{function}` ({file}:{line})"))
    }
}

/// One argument of a message.
///
/// A description sets all of its fields. A new one is a breaking change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The name; `None` for an argument that is taken by its position.
    pub name: Option<String>,
    /// The position, from 0, if the argument is taken by its position.
    pub index: Option<usize>,
    /// The type of the parameter.
    pub rust_type: String,
    /// The values that the parameter converts from.
    pub expected: Expected,
    /// Whether the handler refuses a message without it.
    pub required: bool,
    /// The sample expression that gives it, such as `req.fhdr(user-agent),lower`.
    pub sample: Option<String>,
    /// The sample expression that its name and its type suggest, if there is no `sample`.
    pub guess: Option<String>,
}

/// The name of a message's first argument that asks the agent for a sign of success. Its value is a
/// variable, such as `txn.answered_check`, which the agent sets once the handler has succeeded.
pub const ANSWERED: &str = "spoa-answered";

/// The beginning of a comment that names a variable whose value no rule is to look at.
pub(crate) const UNREAD: &str = "Unread so far:";
