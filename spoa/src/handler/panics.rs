//! User code whose panic is caught, with the place it came from if a panic hook notes it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether user code runs on this thread whose panic becomes a failure.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the last such panic came from.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs user code and catches its panic.
#[inline(always)]
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    let outer = GUARDED.replace(true);
    // Only the handler's own data can be half-done after a panic: its actions are dropped.
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

/// Drops a value of user code, which may panic: then only the panic hook reports it.
pub(crate) fn drop_quietly<T>(value: T) {
    // A second panic, in the payload of this one, has nowhere left to go.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic);
    }
}

/// Runs code that logs. A subscriber is user code too, and the NOTIFY gets its ACK whatever it does.
#[cold]
pub(crate) fn quietly(tell: impl FnOnce()) {
    drop_quietly(catch(tell));
}

/// Returns whether the panic that a hook reports becomes a failure, and keeps its place for that.
pub(crate) fn notes(place: Option<&std::panic::Location<'_>>) -> bool {
    let guarded = GUARDED.get();
    if guarded {
        PLACE.set(place.map(ToString::to_string));
    }
    guarded
}
