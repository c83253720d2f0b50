//! User code that goes wrong: a piece of it in each of its handlers, one for each path.

use spoa::handler::{
    ActionWriter, AsValue, BoxError, Definition, Expected, Failure, FromMessage, FromValue,
    IncomingMessage, Mismatch,
};
use spoa::prelude::*;
use spoa::spop::{Scope, Value};
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// The error of a program that does one thing wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wrong {
    #[default]
    DisplayPanics,
    DisplayFails,
    DisplayNeverEnds,
    SourcePanics,
    SourceIsItself,
    DropPanics,
    DisplayAndDropPanic,
}

pub(super) struct Bad(pub(super) Wrong);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Wrong::DisplayPanics | Wrong::DisplayAndDropPanic => panic!("in Display"),
            Wrong::DisplayFails => Err(fmt::Error),
            Wrong::DisplayNeverEnds => loop {
                f.write_str("on and on ")?;
            },
            _ => f.write_str("bad"),
        }
    }
}

impl fmt::Debug for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Debug")
    }
}

impl Error for Bad {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0 {
            Wrong::SourcePanics => panic!("in source"),
            Wrong::SourceIsItself => Some(self),
            _ => None,
        }
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        if matches!(self.0, Wrong::DropPanics | Wrong::DisplayAndDropPanic) {
            panic!("in Drop")
        }
    }
}

/// An error that panics on its way into a box.
struct IntoPanics;

impl From<IntoPanics> for BoxError {
    fn from(_: IntoPanics) -> Self {
        panic!("in From")
    }
}

/// A value that panics when it is written.
struct ValuePanics;

impl AsValue for ValuePanics {
    fn as_value(&self) -> Value<'_> {
        panic!("in AsValue")
    }
}

/// A value that panics when it is dropped.
struct ValueDropPanics;

impl AsValue for ValueDropPanics {
    fn as_value(&self) -> Value<'_> {
        Value::Int64(1)
    }
}

impl Drop for ValueDropPanics {
    fn drop(&mut self) {
        panic!("in Drop")
    }
}

/// Actions that panic after the first.
struct ActionsPanic;

impl IntoActions for ActionsPanic {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        out.set_var(Scope::Session, "half", Value::Int64(1))?;
        panic!("in IntoActions")
    }
}

/// An argument whose conversion panics.
struct ArgumentPanics;

impl FromValue<'_> for ArgumentPanics {
    const EXPECTED: Expected = Expected::Any;

    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        panic!("in FromValue")
    }
}

/// An argument that is refused in words over several lines.
struct ArgumentRefused;

impl FromValue<'_> for ArgumentRefused {
    const EXPECTED: Expected = Expected::Other("something\nelse");

    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        Err(Mismatch::Other("it is\nnot".to_owned()))
    }
}

/// Whether the agent that is tried is built.
pub(super) static SERVING: AtomicBool = AtomicBool::new(false);

/// An argument that panics where the message does not have it, but not while the agent is built.
struct AbsentPanics;

impl FromValue<'_> for AbsentPanics {
    const EXPECTED: Expected = Expected::Any;

    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        Ok(AbsentPanics)
    }

    fn from_absent() -> Option<Self> {
        assert!(!SERVING.load(Ordering::Relaxed), "in from_absent");
        None
    }
}

struct MessagePanics;

impl FromMessage<'_> for MessagePanics {
    fn from_message(_: &IncomingMessage<'_>) -> Result<Self, Failure> {
        panic!("in FromMessage")
    }
}

struct MessageFails;

impl FromMessage<'_> for MessageFails {
    fn from_message(_: &IncomingMessage<'_>) -> Result<Self, Failure> {
        Err(Failure::Error(Box::new(Bad(Wrong::DisplayAndDropPanic))))
    }
}

/// An argument that panics when the handler drops it.
struct ArgumentDropPanics;

impl FromValue<'_> for ArgumentDropPanics {
    const EXPECTED: Expected = Expected::Any;

    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        Ok(ArgumentDropPanics)
    }
}

impl Drop for ArgumentDropPanics {
    fn drop(&mut self) {
        panic!("in Drop")
    }
}

struct DefaultPanics;

impl FromValue<'_> for DefaultPanics {
    const EXPECTED: Expected = Expected::Any;

    fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
        Ok(DefaultPanics)
    }
}

impl Default for DefaultPanics {
    fn default() -> Self {
        panic!("in Default")
    }
}

/// The payload of a panic that panics when it is dropped.
pub(super) struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("in Drop")
    }
}

/// One piece of user code that goes wrong.
pub(super) struct Piece {
    pub(super) name: &'static str,
    /// How `on_failure` sees it, or that the handler succeeds.
    pub(super) kind: &'static str,
    /// Its handlers, one for each path.
    pub(super) paths: [&'static Definition; 7],
}

/// The paths of a handler.
pub(super) const PATHS: [&str; 7] = [
    "sync",
    "async, at once",
    "async, later",
    "blocking",
    "fallback, sync",
    "fallback, async",
    "fallback, blocking",
];

/// Defines the handlers of a piece: parameters, result and body are the same on all paths.
macro_rules! pieces {
    ($(
        $module:ident, $name:literal, $kind:literal:
        ($($param:tt)*) -> $ret:ty { $($body:tt)* }
    )*) => {
        $(
            mod $module {
                #![allow(unused_variables, clippy::unused_async, clippy::unused_unit)]
                use super::*;

                #[spoe_message("bad")]
                pub(super) fn sync($($param)*) -> $ret { $($body)* }

                #[spoe_message("bad")]
                pub(super) async fn at_once($($param)*) -> $ret { $($body)* }

                #[spoe_message("bad")]
                pub(super) async fn later($($param)*) -> $ret {
                    sleep(Duration::from_millis(5)).await;
                    $($body)*
                }

                #[spoe_message("bad", blocking)]
                pub(super) fn blocking($($param)*) -> $ret { $($body)* }

                #[spoe_fallback]
                pub(super) fn rest($($param)*) -> $ret { $($body)* }

                #[spoe_fallback]
                pub(super) async fn rest_later($($param)*) -> $ret {
                    sleep(Duration::from_millis(5)).await;
                    $($body)*
                }

                #[spoe_fallback(blocking)]
                pub(super) fn rest_blocking($($param)*) -> $ret { $($body)* }
            }
        )*

        pub(super) fn pieces() -> Vec<Piece> {
            vec![$(Piece {
                name: $name,
                kind: $kind,
                paths: handlers_of!($module),
            }),*]
        }
    };
}

macro_rules! handlers_of {
    ($module:ident) => {
        [
            handlers![$module::sync][0],
            handlers![$module::at_once][0],
            handlers![$module::later][0],
            handlers![$module::blocking][0],
            handlers![$module::rest][0],
            handlers![$module::rest_later][0],
            handlers![$module::rest_blocking][0],
        ]
    };
}

pieces! {
    returns_an_error, "an error", "error": () -> Result<(), String> { Err("no".to_owned()) }
    panics, "panic of the handler", "panicked": () -> () { panic!("in the handler") }
    payload, "`Drop` of a panic's payload", "panicked": () -> () {
        std::panic::panic_any(Payload)
    }
    display, "`Display` of an error", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::DisplayPanics))
    }
    display_fails, "`Display` returns an error", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::DisplayFails))
    }
    display_never_ends, "`Display` never ends", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::DisplayNeverEnds))
    }
    source, "`source` of an error", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::SourcePanics))
    }
    own_source, "`source` is the error itself", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::SourceIsItself))
    }
    error_drop, "`Drop` of an error", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::DropPanics))
    }
    display_and_drop, "`Display` and `Drop` of an error", "error": () -> Result<(), Bad> {
        Err(Bad(Wrong::DisplayAndDropPanic))
    }
    second_error, "`Drop` of a second error in `Actions`", "error": () -> Actions {
        Actions::new()
            .with(Err::<(), _>(Bad(Wrong::DisplayPanics)))
            .with(Err::<(), _>(Bad(Wrong::DisplayPanics)))
    }
    into, "an error's `From`", "panicked": () -> Result<(), IntoPanics> { Err(IntoPanics) }
    as_value, "`AsValue`", "panicked": () -> SetVar<ValuePanics> {
        SetVar::session("v", ValuePanics)
    }
    value_drop, "`Drop` of a value", "panicked": () -> SetVar<ValueDropPanics> {
        SetVar::session("v", ValueDropPanics)
    }
    into_actions, "`IntoActions`", "panicked": () -> ActionsPanic { ActionsPanic }
    from_value, "`FromValue`", "panicked": (n: ArgumentPanics) -> () {}
    refused, "`FromValue` refuses", "rejected": (n: ArgumentRefused) -> () {}
    from_absent, "`FromValue::from_absent`", "panicked": (gone: AbsentPanics) -> () {}
    argument_drop, "`Drop` of an argument", "panicked": (n: ArgumentDropPanics) -> () {}
    from_message, "`FromMessage`", "panicked": (all: MessagePanics) -> () {}
    message_fails, "the error of a `FromMessage`", "error": (all: MessageFails) -> () {}
    default, "`Default`", "panicked": (#[arg(default)] gone: DefaultPanics) -> () {}
}
