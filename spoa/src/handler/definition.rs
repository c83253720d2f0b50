//! A handler as the agent sees it: which message, which function, how to run it.

use super::__macros::VerdictDescription;
use super::{
    ActionWriter, ConnectionInfo, Context, DefaultSample, Expected, Failure, FromValue,
    IncomingMessage, LeftOut, When, mark,
};
use crate::spop::{FrameIds, MessageBuf, Scope};
use std::any::{TypeId, type_name};
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A handler, as `#[spoe_message]` and `#[spoe_fallback]` define it beside the function they stand
/// on.
#[derive(Debug)]
pub struct Definition {
    #[doc(hidden)]
    pub message: Option<&'static str>,
    #[doc(hidden)]
    pub function: &'static str,
    #[doc(hidden)]
    pub file: &'static str,
    #[doc(hidden)]
    pub line: u32,
    #[doc(hidden)]
    pub docs: &'static str,
    #[doc(hidden)]
    pub timeout: Option<Duration>,
    #[doc(hidden)]
    pub event: Option<&'static str>,
    #[doc(hidden)]
    pub condition: Option<&'static str>,
    #[doc(hidden)]
    pub group: Option<&'static str>,
    #[doc(hidden)]
    /// The variables that the text of the function names.
    pub variables: &'static [VariableDescription],
    #[doc(hidden)]
    pub describe: fn(&mut Description),
    #[doc(hidden)]
    pub run: Run,
}

impl Definition {
    /// Returns the name of the message that the handler answers; `None` for the fallback.
    #[must_use]
    pub fn message_name(&self) -> Option<&'static str> {
        self.message
    }

    /// Returns the path of the function.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// Returns the name of the function, without its path.
    pub(crate) fn short_name(&self) -> &'static str {
        self.function.rsplit("::").next().unwrap_or_default()
    }

    /// Returns the file and the line of the function.
    #[must_use]
    pub fn location(&self) -> (&'static str, u32) {
        (self.file, self.line)
    }

    /// Returns the doc comment of the function.
    #[must_use]
    pub fn docs(&self) -> &'static str {
        self.docs
    }

    /// Returns the timeout of the handler, if it has one of its own.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The event HAProxy is to send the message at, such as `on-frontend-http-request`.
    #[must_use]
    pub fn event(&self) -> Option<&'static str> {
        self.event
    }

    /// What must hold for it to be sent, with the `if` or `unless` before it.
    #[must_use]
    pub fn condition(&self) -> Option<&'static str> {
        self.condition
    }

    /// The group a rule of HAProxy's sends it with, instead of an event.
    #[must_use]
    pub fn group(&self) -> Option<&'static str> {
        self.group
    }

    /// Returns what it takes and sets.
    #[doc(hidden)]
    #[must_use]
    pub fn description(&self) -> Description {
        let mut description = Description::default();
        (self.describe)(&mut description);
        description.name_samples(self.event);
        description.share_arguments();
        // The macro is certain where the function returns one variable by its name, and nothing else.
        if self
            .variables
            .iter()
            .any(|it| it.presence == Presence::Always)
        {
            description.open = false;
        }
        for variable in self.variables {
            let mut known = description.variables.iter();
            if known.all(|known| (known.scope, known.name) != (variable.scope, variable.name)) {
                // The macro has read the name in the function's body. That it is the name of what the
                // function returns is known only where the macro says so, and whether that is set
                // is what the type says.
                let presence = match (variable.presence, description.returns) {
                    (Presence::Always, returns) => returns,
                    (_, Presence::Sometimes) => Presence::Sometimes,
                    _ => Presence::Unknown,
                };
                description.variables.push(VariableDescription {
                    presence,
                    ..*variable
                });
            }
        }
        description
    }
}

/// What stands beside a function with `#[spoe_message]`, under the function's name.
#[diagnostic::on_unimplemented(
    message = "a handler is a function with `#[spoe_message(\"…\")]` or `#[spoe_fallback]`",
    label = "this has neither",
    note = "write `#[spoe_message(\"name-of-the-message\")]` above the function"
)]
pub trait Handler {
    /// The handler.
    const DEFINITION: &'static Definition;
}

/// What the macros implement. [`Handler`] follows, so that an error about a missing one does not
/// list all there are.
#[doc(hidden)]
pub trait Defined {
    const DEFINITION: &'static Definition;
}

#[diagnostic::do_not_recommend]
impl<T: Defined> Handler for T {
    const DEFINITION: &'static Definition = T::DEFINITION;
}

/// How a handler is run.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// In place.
    Sync(fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>),
    /// As a future that owns its message.
    Async(fn(Box<Job>) -> JobFuture),
    /// On the pool for slow functions.
    Blocking(fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>),
}

/// What a handler takes and sets, as far as it is known without running it: what `handlers`, `config` and
/// `doctor` know of it.
///
/// [`FromMessage::describe`](super::FromMessage::describe) and
/// [`IntoActions::describe`](super::IntoActions::describe) fill it; the derives do so by themselves.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Description {
    #[doc(hidden)]
    pub arguments: Vec<ArgumentDescription>,
    #[doc(hidden)]
    pub states: Vec<StateDescription>,
    #[doc(hidden)]
    pub variables: Vec<VariableDescription>,
    /// What its verdicts can be.
    #[doc(hidden)]
    pub verdicts: Vec<&'static VerdictDescription>,
    /// Whether what the handler returns sets a variable each time, where the types do not name it.
    #[doc(hidden)]
    pub returns: Presence,
    /// Whether the handler may set variables of other names, which are known only when it runs.
    #[doc(hidden)]
    pub open: bool,
}

impl Description {
    /// Adds an argument of this name and type.
    pub fn argument<'a, T: FromValue<'a>>(
        &mut self,
        name: &'static str,
    ) -> &mut ArgumentDescription {
        self.arguments.push(ArgumentDescription {
            name: Some(name),
            index: None,
            rust_type: Cow::Owned(short_type_name::<T>()),
            expected: T::EXPECTED,
            sample: None,
            default_sample: T::SAMPLE,
            may_be_missing: false,
            takes_null: T::ACCEPTS.null(),
            required: T::from_absent().is_none(),
        });
        self.arguments.last_mut().expect("one was pushed")
    }

    /// Adds a state: an agent without a value of this type does not start.
    pub fn state<T: Send + Sync + 'static>(&mut self) {
        self.states.push(StateDescription {
            id: TypeId::of::<T>(),
            type_name: type_name::<T>(),
        });
    }

    /// Adds a variable that the handler may set, with the name that it has without the engine's prefix.
    pub fn may_set(&mut self, scope: Scope, name: &'static str) {
        self.variable(VariableDescription {
            scope,
            name,
            rust_type: None,
            presence: Presence::Unknown,
        });
    }
}

/// Returns the name of a type without the paths of modules, such as `Option<IpAddr>`.
fn short_type_name<T>() -> String {
    let mut short = String::new();
    for part in
        type_name::<T>().split_inclusive(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
    {
        let end = part.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let (path, after) = part.split_at(end.len());
        short.push_str(path.rsplit("::").next().unwrap_or_default());
        short.push_str(after);
    }
    short
}

impl Description {
    /// Gives the arguments whose types have a sample the one for the request or for the response, as the
    /// event and the other samples say.
    fn name_samples(&mut self, event: Option<&str>) {
        let named = self.arguments.iter().filter_map(|it| it.sample);
        let when = When::of(event, named);
        for argument in self.arguments.iter_mut().filter(|it| it.sample.is_none()) {
            argument.sample = argument.default_sample.at(when);
            if argument.sample.is_some() {
                argument.may_be_missing = argument.default_sample.may_be_missing();
            }
        }
    }

    /// Removes arguments that have been named: several types may be made from one argument.
    fn share_arguments(&mut self) {
        let mut seen = Vec::new();
        self.arguments.retain(|argument| match argument.name {
            Some(name) if argument.index.is_none() => {
                let first = !seen.contains(&name);
                seen.push(name);
                first
            }
            _ => true,
        });
    }

    /// Adds a variable. One that is known already is written a second time: what comes last decides.
    pub fn variable(&mut self, variable: VariableDescription) {
        let mut known = self.variables.iter_mut();
        let same = |known: &&mut VariableDescription| {
            (known.scope, known.name) == (variable.scope, variable.name)
        };
        match known.find(same) {
            Some(known) if variable.presence != Presence::Sometimes => {
                known.presence = variable.presence;
            }
            Some(_) => {}
            None => self.variables.push(variable),
        }
    }

    /// Notes that what comes next may unset any of the variables before it.
    pub fn may_unset(&mut self) {
        for variable in &mut self.variables {
            variable.presence = Presence::Unknown;
        }
    }

    /// Notes that the variables from `start` on are left alone by some successes.
    pub(crate) fn sometimes(&mut self, start: usize) {
        for variable in self.variables.iter_mut().skip(start) {
            variable.presence = variable.presence.sometimes();
        }
    }
}

/// Whether each success of a handler sets a variable.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Each success sets it.
    Always,
    /// Some successes leave it alone.
    Sometimes,
    /// The types do not say. Some successes may unset it.
    #[default]
    Unknown,
}

impl Presence {
    /// Returns the presence of what is written on some successes only.
    #[must_use]
    pub(crate) fn sometimes(self) -> Self {
        match self {
            Presence::Unknown => Presence::Unknown,
            Presence::Always | Presence::Sometimes => Presence::Sometimes,
        }
    }
}

/// One argument of a [`Description`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ArgumentDescription {
    #[doc(hidden)]
    pub name: Option<&'static str>,
    #[doc(hidden)]
    pub index: Option<usize>,
    #[doc(hidden)]
    pub rust_type: Cow<'static, str>,
    #[doc(hidden)]
    pub expected: Expected,
    /// The sample expression that gives it.
    #[doc(hidden)]
    pub sample: Option<&'static str>,
    /// The one that its type has, where nothing else names one.
    #[doc(hidden)]
    pub default_sample: DefaultSample,
    /// Whether that may have no value.
    #[doc(hidden)]
    pub may_be_missing: bool,
    /// Whether the handler is run then.
    #[doc(hidden)]
    pub takes_null: bool,
    #[doc(hidden)]
    pub required: bool,
}

impl ArgumentDescription {
    /// Gives the sample expression that `config` writes for the argument, as `#[arg(sample = …)]` does.
    /// `doctor` checks it, the compiler does not.
    pub fn sample(&mut self, expression: &'static str) -> &mut Self {
        self.sample = Some(expression);
        self
    }
}

/// One shared value.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct StateDescription {
    pub id: TypeId,
    pub type_name: &'static str,
}

/// One variable.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableDescription {
    pub scope: Scope,
    pub name: &'static str,
    /// The type of its value as written, where the macro sees it.
    pub rust_type: Option<&'static str>,
    pub presence: Presence,
}

/// A message that outlives the read it came in, for handlers that are not done at once. It is the
/// worker thread's, lent for as long as the handler is at work.
#[doc(hidden)]
#[derive(Debug)]
pub struct Job {
    pub(crate) message: MessageBuf,
    /// The variable that says that the handler has succeeded; empty if HAProxy asks for none.
    pub(crate) answered: String,
    pub(crate) actions: Vec<u8>,
    /// How many bytes of actions HAProxy can take.
    pub(crate) room: usize,
    /// The actions that were left out, if any.
    pub(crate) left_out: Option<Box<LeftOut>>,
    /// `None` while it is not lent.
    pub(crate) connection: Option<Arc<ConnectionInfo>>,
    pub(crate) ids: FrameIds,
    pub(crate) deadline: Option<Instant>,
}

/// The work of an async handler.
#[doc(hidden)]
pub type JobFuture = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// A finished job.
#[doc(hidden)]
#[derive(Debug)]
pub struct Finished {
    /// With its actions; `None` if it is lost.
    pub(crate) job: Option<Box<Job>>,
    pub(crate) result: Result<(), Box<Failure>>,
}

impl Finished {
    pub(crate) fn failed(failure: impl Into<Box<Failure>>) -> Self {
        Finished {
            job: None,
            result: Err(failure.into()),
        }
    }
}

impl Job {
    /// One that is not lent, with room for so many bytes of a message, and as many of actions.
    pub(crate) fn with_capacity(bytes: usize) -> Box<Self> {
        Box::new(Job {
            message: MessageBuf::with_capacity(bytes),
            answered: String::new(),
            actions: Vec::with_capacity(bytes),
            room: 0,
            left_out: None,
            connection: None,
            ids: FrameIds::ZERO,
            deadline: None,
        })
    }

    /// How many bytes it holds.
    pub(crate) fn capacity(&self) -> usize {
        self.message.capacity() + self.actions.capacity()
    }

    /// The message, and what appends to the actions.
    #[inline]
    pub fn parts(&mut self) -> (IncomingMessage<'_>, ActionWriter<'_>) {
        let connection = self.connection.as_deref();
        let incoming = IncomingMessage {
            message: self.message.message(),
            context: Context {
                connection: connection.expect("a job that is lent has a connection"),
                ids: self.ids,
                deadline: self.deadline,
            },
            answered: None,
        };
        let actions = ActionWriter::within(&mut self.actions, self.room);
        (incoming, actions)
    }

    /// Says to HAProxy that the handler has succeeded, after all that it set.
    #[cold]
    fn mark(&mut self) -> Result<(), Box<Failure>> {
        // After an action that was left out, none may follow.
        let room = match self.left_out {
            None => self.room,
            Some(_) => 0,
        };
        let mut actions = ActionWriter::within(&mut self.actions, room);
        let result = mark(&self.answered, &mut actions);
        let more = actions.left_out();
        match (&mut self.left_out, more) {
            (Some(left_out), Some(more)) => left_out.append(*more),
            (left_out @ None, more) => *left_out = more,
            (Some(_), None) => {}
        }
        result.map_err(Box::new)
    }

    /// Turns the job and the result of its handler into a [`Finished`].
    #[inline(always)]
    pub fn finish(
        mut self: Box<Self>,
        (result, left_out): (Result<(), impl Into<Box<Failure>>>, Option<Box<LeftOut>>),
    ) -> Finished {
        if left_out.is_some() {
            self.left_out = left_out;
        }
        let mut result = result.map_err(Into::into);
        if !self.answered.is_empty() && result.is_ok() {
            result = self.mark();
        }
        Finished {
            job: Some(self),
            result,
        }
    }
}
