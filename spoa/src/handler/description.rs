//! The arguments, states and variables of a handler, as far as they are known without running it.

use super::verdict::VerdictDescription;
use super::{DefaultSample, Expected, FromValue, MessageSubject, Presence};
use crate::spop::Scope;
use std::any::{TypeId, type_name};
use std::borrow::Cow;

/// The arguments, states and variables of a handler, as far as they are known without running it.
///
/// `handlers`, `config` and `doctor` use it. [`FromMessage::describe`](super::FromMessage::describe) and
/// [`IntoActions::describe`](super::IntoActions::describe) fill it; the derives implement both.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Description {
    #[doc(hidden)]
    pub arguments: Vec<ArgumentDescription>,
    #[doc(hidden)]
    pub states: Vec<StateDescription>,
    #[doc(hidden)]
    pub variables: Vec<VariableDescription>,
    /// The verdicts that the handler can return.
    #[doc(hidden)]
    pub verdicts: Vec<&'static VerdictDescription>,
    /// Whether each success sets the returned variable, if the types do not name that variable.
    #[doc(hidden)]
    pub returns: Presence,
    /// Whether the handler may set variables of other names, which are known only when it runs.
    #[doc(hidden)]
    pub open: bool,
    /// Whether its own `on_failure` may set variables of other names.
    #[doc(hidden)]
    pub failure_is_open: bool,
    /// Whether the handler keeps values from one message to the next.
    #[doc(hidden)]
    pub keeps: bool,
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
            attribute: "",
            takes_null: T::ACCEPTS.null(),
            required: T::from_absent().is_none(),
            secret: false,
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

    /// Adds a variable that the handler may set. Its name is written without the engine's prefix.
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
    /// Sets the sample of each argument whose type declares one. The event and the other samples decide between
    /// the sample for requests and the one for responses.
    pub(super) fn name_samples(&mut self, event: Option<&str>) {
        let named = self.arguments.iter().filter_map(|it| it.sample);
        let subject = MessageSubject::of(event, named);
        for argument in self.arguments.iter_mut().filter(|it| it.sample.is_none()) {
            argument.sample = argument.default_sample.at(subject);
            if argument.sample.is_some() {
                argument.may_be_missing = argument.default_sample.may_be_missing();
            }
        }
    }

    /// Keeps the arguments that a function describes out of the log.
    #[doc(hidden)]
    pub fn secrets(&mut self, describe: impl FnOnce(&mut Self)) {
        let start = self.arguments.len();
        describe(self);
        for argument in self.arguments.iter_mut().skip(start) {
            argument.secret = true;
        }
    }

    /// Notes that the handler also runs without the arguments from `start` on.
    pub(super) fn need_not_have(&mut self, start: usize) {
        for argument in self.arguments.iter_mut().skip(start) {
            argument.required = false;
            argument.takes_null = true;
        }
    }

    /// Merges the descriptions of one argument, from which several parameters may be made.
    pub(super) fn share_arguments(&mut self) {
        let mut shared: Vec<ArgumentDescription> = Vec::with_capacity(self.arguments.len());
        for argument in self.arguments.drain(..) {
            let is_same = |known: &&mut ArgumentDescription| {
                known.index.is_none() && argument.index.is_none() && known.name == argument.name
            };
            match shared.iter_mut().find(is_same) {
                Some(known) if argument.name.is_some() => {
                    known.required |= argument.required;
                    known.takes_null &= argument.takes_null;
                    known.secret |= argument.secret;
                }
                _ => shared.push(argument),
            }
        }
        self.arguments = shared;
    }

    /// Adds a variable. A variable that is known already is written a second time, and the last write decides.
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

    /// Adds the variables and verdicts of an `on_failure`.
    pub(super) fn fails_with(&mut self, failure: Description) {
        self.failure_is_open = failure.open;
        for variable in failure.variables {
            let mut known = self.variables.iter_mut();
            let same = known.find(|it| (it.scope, it.name) == (variable.scope, variable.name));
            match same {
                // The variable may be set although the handler failed.
                Some(known) => known.presence = known.presence.sometimes(),
                None => self.variables.push(VariableDescription {
                    presence: Presence::Failure,
                    ..variable
                }),
            }
        }
        for verdict in failure.verdicts {
            if self.verdicts.iter().all(|it| !std::ptr::eq(*it, verdict)) {
                self.verdicts.push(verdict);
            }
        }
    }

    /// Notes that the next action may unset any of the variables before it.
    pub fn may_unset(&mut self) {
        for variable in &mut self.variables {
            variable.presence = Presence::Unknown;
        }
    }

    /// Notes that some successes do not write the variables from `start` on.
    pub(crate) fn sometimes(&mut self, start: usize) {
        for variable in self.variables.iter_mut().skip(start) {
            variable.presence = variable.presence.sometimes();
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
    /// The sample expression that gives its value.
    #[doc(hidden)]
    pub sample: Option<&'static str>,
    /// The sample that its type declares, used if nothing else names one.
    #[doc(hidden)]
    pub default_sample: DefaultSample,
    /// Whether HAProxy may have no value for the sample.
    #[doc(hidden)]
    pub may_be_missing: bool,
    /// The attribute that a user changes it with: `arg` for a parameter, `spoa` for a field, empty without one.
    #[doc(hidden)]
    pub attribute: &'static str,
    /// Whether the handler runs if HAProxy has no value.
    #[doc(hidden)]
    pub takes_null: bool,
    #[doc(hidden)]
    pub required: bool,
    /// Whether no line of the log may show it.
    #[doc(hidden)]
    pub secret: bool,
}

impl ArgumentDescription {
    /// Keeps the value of the argument out of the log, as `#[arg(secret)]` does.
    pub fn secret(&mut self) -> &mut Self {
        self.secret = true;
        self
    }

    /// Sets the sample expression that `config` writes for the argument, as `#[arg(sample = …)]` does.
    /// `doctor` checks the expression; the compiler does not.
    pub fn sample(&mut self, expression: &'static str) -> &mut Self {
        self.sample = Some(expression);
        self
    }
}

/// One state that a handler takes.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct StateDescription {
    pub id: TypeId,
    pub type_name: &'static str,
}

/// One variable that a handler sets.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableDescription {
    pub scope: Scope,
    pub name: &'static str,
    /// The type of its value as written, where the macro sees it.
    pub rust_type: Option<&'static str>,
    pub presence: Presence,
}
