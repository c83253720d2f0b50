//! Panics of handlers: caught here, with the place they came from if a panic hook notes it.
//!
//! It knows nothing of messages: whoever runs a handler says which one it was.

use crate::handler::Failure;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether a handler runs on this thread, whose panic becomes its failure.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the last such panic came from.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a handler; its panic becomes its failure. Failures are boxed, so that what is not one stays
/// small.
#[inline(always)]
pub(crate) fn guard<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Box<Failure>> {
    let outer = GUARDED.replace(true);
    // What a panic leaves half-done is the handler's own: its actions are dropped.
    let result = catch_unwind(AssertUnwindSafe(|| run().map_err(Box::new)));
    GUARDED.set(outer);
    result.unwrap_or_else(|panic| Err(Box::new(panicked(panic))))
}

#[cold]
fn panicked(panic: Box<dyn Any + Send>) -> Failure {
    let mut message = text(&*panic)
        .unwrap_or("a value that is no text")
        .to_owned();
    // A payload may itself panic when dropped.
    drop_quietly(panic);
    if let Some(place) = PLACE.take() {
        message.push_str(", at ");
        message.push_str(&place);
    }
    Failure::Panicked(message)
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Drops what may panic meanwhile.
pub(crate) fn drop_quietly<T>(value: T) {
    // A second panic, in the payload of this one, has nowhere left to go.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic);
    }
}

/// A panic hook: logs panics. That of a handler is in the line about the message it did not answer,
/// so it only leaves its place here; but whoever sets `RUST_BACKTRACE` gets a trace each second.
#[cfg(feature = "cli")]
pub(crate) fn log(panic: &std::panic::PanicHookInfo<'_>) {
    use super::report::RateLimit;
    use std::backtrace::{Backtrace, BacktraceStatus};

    static TRACES: RateLimit = RateLimit::new();
    let guarded = GUARDED.get();
    if guarded {
        PLACE.set(panic.location().map(ToString::to_string));
    }
    let trace = match TRACES.pass() {
        Some(_) => Backtrace::capture(),
        None => Backtrace::disabled(),
    };
    let traced = trace.status() == BacktraceStatus::Captured;
    if guarded && !traced {
        return;
    }
    let text = text(panic.payload()).unwrap_or("a value that is no text");
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map(|place| format!(", at {place}"));
    let place = place.unwrap_or_default();
    match traced {
        true => tracing::error!("thread `{thread}` panicked: {text}{place}\n{trace}"),
        false => tracing::error!("thread `{thread}` panicked: {text}{place}"),
    }
}
