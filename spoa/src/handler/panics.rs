//! Catches panics of user code, and keeps the place of a panic if a panic hook noted it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether this thread is running user code whose panic becomes a failure.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the last such panic came from.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs user code and catches its panic.
#[inline(always)]
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    let outer = GUARDED.replace(true);
    // A panic can leave only the handler's own data half-written, and its actions are dropped.
    let result = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(outer);
    result
}

/// Returns the text of a panic that was caught, and the place it came from if a hook noted it.
#[cold]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> String {
    let mut message = words(&*panic).to_owned();
    // A payload may itself panic when dropped.
    drop_quietly(panic);
    if let Some(place) = PLACE.take() {
        message.push_str(", at ");
        message.push_str(&place);
    }
    message
}

/// Returns the text of a panic.
pub(crate) fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is not a text")
}

/// Drops a value of user code. If that panics, only the panic hook reports it.
pub(crate) fn drop_quietly<T>(value: T) {
    // Dropping the payload could panic again, so the payload is leaked.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic);
    }
}

/// Runs code that logs, and catches its panic: a subscriber is user code, too, and must not cost the NOTIFY its ACK.
#[cold]
pub(crate) fn quietly(tell: impl FnOnce()) {
    drop_quietly(catch(tell));
}

/// Returns whether a panic becomes a failure, and if so keeps its place for the text of the failure. The panic hook
/// calls this.
pub(crate) fn notes(place: Option<&std::panic::Location<'_>>) -> bool {
    let guarded = GUARDED.get();
    if guarded {
        PLACE.set(place.map(ToString::to_string));
    }
    guarded
}
