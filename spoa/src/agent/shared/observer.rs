//! The observer of an agent's handlers, and what it is told when a handler begins and ends.

use super::trace_arguments::TraceArguments;
use crate::handler::{Context, Definition, Failure};
use crate::spop::{Action, ActionIter, Arg, Message, Name};
use std::time::Duration;

/// Observes all handlers of an agent: is told when one begins, how it ends, and how long that took. It is for an audit of
/// decisions, and for a dry run, in which handlers decide on real traffic and HAProxy gets none of it.
///
/// [`AgentBuilder::observer`](crate::agent::AgentBuilder::observer) and `run!(observer = …)` add one. An agent without an
/// observer does no work for it.
///
/// The methods are called on the thread that serves the connection, and the answer leaves when they have returned. So they
/// must be quick: an observer that writes to a file or a socket does so on a thread of its own. If a method panics, the log
/// says so, and the message gets its answer.
///
/// ```
/// use spoa::agent::{Agent, HandlerEnded, HandlerOutcome, Observer};
/// use spoa::prelude::*;
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(path: Text<'_>) -> bool {
///     path.as_bytes().starts_with(b"/admin")
/// }
///
/// /// Prints each decision, and has HAProxy apply none.
/// struct DryRun;
///
/// impl Observer for DryRun {
///     fn ended(&self, ended: &HandlerEnded<'_>) {
///         let (message, time) = (ended.message_name(), ended.time());
///         match ended.outcome() {
///             HandlerOutcome::Done => {
///                 for action in ended.actions() {
///                     println!("{message} would {action} after {time:?}");
///                 }
///             }
///             outcome => println!("{message}: {outcome:?}"),
///         }
///     }
///
///     fn withholds(&self, _: &HandlerEnded<'_>) -> bool {
///         true
///     }
/// }
///
/// let agent = Agent::builder().handlers(handlers![check]).observer(DryRun).build();
/// assert!(agent.is_ok());
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Is called before a handler begins. A message without a handler is not observed.
    fn begun(&self, begun: &HandlerBegun<'_>) {
        let _ = begun;
    }

    /// Is called when a handler has ended. For each [`begun`](Self::begun) there is one call, also if the handler failed,
    /// was not started, or was dropped with its connection.
    fn ended(&self, ended: &HandlerEnded<'_>) {
        let _ = ended;
    }

    /// Returns whether HAProxy gets none of the actions. It is called after [`ended`](Self::ended). If it panics, they are
    /// withheld.
    ///
    /// HAProxy still gets an answer, without variables. A rule that asks whether the handler has succeeded, as `config`
    /// writes it, sees that it has.
    fn withholds(&self, ended: &HandlerEnded<'_>) -> bool {
        let _ = ended;
        false
    }
}

/// A handler that begins, as an [`Observer`] is shown it.
///
/// ```
/// use spoa::agent::{HandlerBegun, Observer};
///
/// struct Audit;
///
/// impl Observer for Audit {
///     fn begun(&self, begun: &HandlerBegun<'_>) {
///         let request = begun.req_id().unwrap_or_default();
///         for argument in begun.arguments() {
///             println!("{request} {}: {}={}", begun.message_name(), argument.name, argument.value);
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HandlerBegun<'a> {
    pub(crate) definition: &'static Definition,
    pub(crate) message: Message<'a>,
    pub(crate) context: Context<'a>,
    pub(crate) trace_arguments: &'a TraceArguments,
}

impl<'a> HandlerBegun<'a> {
    /// Returns the handler.
    #[must_use]
    pub fn handler(&self) -> &'static Definition {
        self.definition
    }

    /// Returns the name of the message.
    #[must_use]
    pub fn message_name(&self) -> Name<'a> {
        self.message.name()
    }

    /// Returns the unique id of the request, if the handler has an argument whose sample is `unique-id`.
    #[must_use]
    pub fn req_id(&self) -> Option<String> {
        self.trace_arguments.request_id(&self.message)
    }

    /// Returns where the message came from, and the deadline of the handler.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }

    /// Returns the arguments of the message, without those that the handler marks with `#[arg(secret)]`.
    pub fn arguments(&self) -> impl Iterator<Item = Arg<'a>> + use<'a> {
        let trace_arguments = self.trace_arguments;
        let arguments = self.message.args().iter().enumerate();
        let shown = arguments
            .filter(|(index, arg)| !trace_arguments.is_secret(*index, arg.name.as_bytes()));
        shown.map(|(_, arg)| arg)
    }
}

/// A handler that has ended, as an [`Observer`] is shown it.
///
/// ```
/// use spoa::agent::{HandlerEnded, HandlerOutcome, Observer};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Slow(AtomicU64);
///
/// impl Observer for Slow {
///     fn ended(&self, ended: &HandlerEnded<'_>) {
///         if ended.time() > Duration::from_millis(5) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///         if let HandlerOutcome::Failed(failure) = ended.outcome() {
///             println!("{}: {failure}", ended.handler().function());
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HandlerEnded<'a> {
    pub(crate) definition: &'static Definition,
    pub(crate) message: Name<'a>,
    pub(crate) req_id: Option<&'a str>,
    pub(crate) context: Context<'a>,
    pub(crate) time: Duration,
    pub(crate) outcome: HandlerOutcome<'a>,
    pub(crate) actions: &'a [u8],
}

impl<'a> HandlerEnded<'a> {
    /// Returns the handler.
    #[must_use]
    pub fn handler(&self) -> &'static Definition {
        self.definition
    }

    /// Returns the name of the message.
    #[must_use]
    pub fn message_name(&self) -> Name<'a> {
        self.message
    }

    /// Returns the unique id of the request, if the handler has an argument whose sample is `unique-id`.
    #[must_use]
    pub fn req_id(&self) -> Option<&'a str> {
        self.req_id
    }

    /// Returns where the message came from, and the deadline of the handler.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }

    /// Returns the time from the begin of the handler to its end. That of an `async` or `blocking` handler begins when the
    /// agent has read its message.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Returns how the handler ended.
    #[must_use]
    pub fn outcome(&self) -> HandlerOutcome<'a> {
        self.outcome
    }

    /// Returns the actions for HAProxy: those of the handler, or those of `on_failure` if the handler failed. Actions that
    /// do not fit into the answer are not among them.
    pub fn actions(&self) -> impl Iterator<Item = Action<'a>> + use<'a> {
        // The agent has encoded them itself.
        ActionIter::new(self.actions).flatten()
    }
}

/// How a handler ended.
///
/// ```
/// use spoa::agent::HandlerOutcome;
///
/// fn word(outcome: HandlerOutcome<'_>) -> &'static str {
///     match outcome {
///         HandlerOutcome::Done => "done",
///         HandlerOutcome::Failed(_) => "failed",
///         _ => "dropped",
///     }
/// }
/// # assert_eq!(word(HandlerOutcome::Dropped), "dropped");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum HandlerOutcome<'a> {
    /// The handler has returned its actions.
    Done,
    /// The handler failed, for this reason.
    Failed(&'a Failure),
    /// The connection ended before the handler was done. Nobody waits for its answer.
    Dropped,
}
