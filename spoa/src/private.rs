//! Names for generated code alone. No other code may use them.

use std::time::Duration;

pub use crate::__register as register;
pub use crate::handler::__macros::*;
pub use crate::handler::{
    Accepts, ActionWriter, DefaultSample, Expected, Failure, FromMessage, FromValue,
    IncomingMessage, IntoActions, Mismatch, Variable,
};
#[cfg(feature = "http")]
pub use crate::http::__macros::*;
pub use crate::spop::{Scope, Value};
pub use spoa_macros::{expand_handlers, expand_program, expand_run};
pub use std::boxed::Box;
pub use std::iter::Iterator;
pub use std::option::Option::{self, None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::{compile_error, concat, file, line, module_path, option_env, stringify};

#[cfg(feature = "run")]
pub use crate::agent::Renewal;
#[cfg(feature = "run")]
pub use crate::handler::HandlerError;
#[cfg(feature = "run")]
pub use crate::registry::Registered;
#[cfg(feature = "run")]
pub use crate::run::{About, ConfigureError, Program, Setup, reload, run};
#[cfg(feature = "run")]
pub use inventory;

/// Describes an argument of `#[arg(secret)]`.
pub fn describe_secret(
    description: &mut crate::handler::Description,
    describe: impl FnOnce(&mut crate::handler::Description),
) {
    description.secrets(describe);
}

/// Gives a program the options of a type.
#[cfg(feature = "options")]
pub fn with_options<T: crate::run::OptionsType>(program: Program) -> Program {
    program.options::<T>()
}

/// Reports `options = …` in a program without the feature.
#[cfg(all(feature = "run", not(feature = "options")))]
pub fn with_options<T: NeedsTheFeature>(program: Program) -> Program {
    program
}

/// Reports that the feature is missing: no type implements the trait.
#[cfg(all(feature = "run", not(feature = "options")))]
#[diagnostic::on_unimplemented(
    message = "`options = …` needs the feature `options` of `haproxy-spoa`",
    label = "this type cannot be read from a command line",
    note = "write `features = [\"options\"]` in Cargo.toml"
)]
pub trait NeedsTheFeature {}

/// Adds a handler to the registry.
#[cfg(feature = "run")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($handler:path) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Registered(<$handler as $crate::__private::Handler>::DEFINITION)
        }
    };
}

/// Adds nothing: without `run!()` nobody reads a registry.
#[cfg(not(feature = "run"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($handler:path) => {};
}

/// The timeout of a handler.
#[must_use]
pub const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Takes the place of a handler that does not compile, so that its mistake is reported once.
pub const STUB: Definition = Definition::EMPTY;

/// Takes the place of a body that does not compile.
pub fn stub<T>() -> T {
    unreachable!("a program with a stub in it does not compile")
}

/// Takes the place of a handler in `handlers!` when a function has no attribute: the compiler shows the name of
/// this type in its error.
#[derive(Debug)]
pub struct FunctionWithoutTheAttribute {}

/// The answer to a condition of the macros on a sample.
#[derive(Debug)]
pub struct Holds<const HOLDS: bool>;

/// Reports a type that does not accept everything a client can send in the sample that the type names.
#[diagnostic::on_unimplemented(
    message = "a client can make the agent reject this message: not everything that it can send becomes `{T}`",
    label = "does not accept everything that a client can send",
    note = "take `Result<{T}, Mismatch>`, and handle the error in the handler",
    note = "if a client may make the agent reject the message, so that HAProxy continues without this handler, write `#[arg(reject)]`, or `#[spoa(reject)]` before a field"
)]
pub trait AcceptsItsSample<T> {
    /// Names the condition, so that the compiler checks it.
    const CHECKED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T> AcceptsItsSample<T> for Holds<true> {}

/// Reports a type that rejects the message if a client leaves out what the type's sample gives.
#[diagnostic::on_unimplemented(
    message = "a client can make the agent reject this message: it can send a request without this",
    label = "a client can leave this out",
    note = "take `Option<{T}>`, or give a default with `#[arg(default)]`, or `#[spoa(default)]` before a field",
    note = "if a client may make the agent reject the message, so that HAProxy continues without this handler, write `#[arg(reject)]`, or `#[spoa(reject)]` before a field"
)]
pub trait AcceptsNoSample<T> {
    /// Names the condition, so that the compiler checks it.
    const CHECKED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T> AcceptsNoSample<T> for Holds<true> {}

/// A type that has a default for `#[arg(default)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default",
    label = "no `Default`",
    note = "write the value for an absent argument after it: `default = …`"
)]
pub trait HasDefault: Sized {
    /// Returns the default value.
    fn value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: std::default::Default> HasDefault for T {
    fn value() -> Self {
        T::default()
    }
}

/// Fails the compilation if the handler at that place answers a message that one before it answers.
#[track_caller]
pub const fn check_distinct(handlers: &[&'static Definition], place: usize) {
    if let Some(taken) = taken(handlers, place) {
        panic!("{}", taken.text());
    }
}

/// Another handler of the same message, before this place in a list.
#[derive(Clone, Copy)]
struct DuplicateHandler {
    text: [u8; DuplicateHandler::LEN],
    len: usize,
}

/// Whether the handler at that place answers a message that one before it answers.
const fn taken(handlers: &[&'static Definition], place: usize) -> Option<DuplicateHandler> {
    let (before, rest) = handlers.split_at(place);
    let [handler, ..] = rest else {
        return None;
    };
    let mut before = before;
    while let [first, others @ ..] = before {
        match (first.message, handler.message) {
            (Some(a), Some(b)) if !a.is_empty() && same(a.as_bytes(), b.as_bytes()) => {
                let text =
                    DuplicateHandler::new(&["message `", a, "` is answered by `", first.function]);
                return Some(text.with("` already: remove one of the two handlers"));
            }
            (None, None) => {
                let text =
                    DuplicateHandler::new(&["there is a fallback already, `", first.function]);
                return Some(text.with("`: remove one of the two"));
            }
            _ => before = others,
        }
    }
    None
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, after_x @ ..], [y, after_y @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (after_x, after_y);
    }
    a.is_empty() && b.is_empty()
}

impl DuplicateHandler {
    const LEN: usize = 400;

    const fn new(parts: &[&str]) -> Self {
        let mut text = DuplicateHandler {
            text: [0; DuplicateHandler::LEN],
            len: 0,
        };
        let mut parts = parts;
        while let [first, others @ ..] = parts {
            text = text.with(first);
            parts = others;
        }
        text
    }

    /// Appends, up to the end of the room: the rest is cut.
    const fn with(mut self, part: &str) -> Self {
        let mut part = part.as_bytes();
        while let [first, others @ ..] = part {
            let (_, room) = self.text.split_at_mut(self.len);
            let [place, ..] = room else {
                return self;
            };
            *place = *first;
            self.len += 1;
            part = others;
        }
        self
    }

    /// The words of the error.
    const fn text(&self) -> &str {
        let (text, _) = self.text.split_at(self.len);
        match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "two handlers answer the same message: remove one of them",
        }
    }
}

/// Makes a list of an array, without a trait that the user's code may not have in scope.
#[cfg(feature = "run")]
#[doc(hidden)]
#[must_use]
pub fn list<T, const N: usize>(items: [T; N]) -> Vec<T> {
    Vec::from(items)
}
