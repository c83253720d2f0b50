//! The panic hook: one line for each panic, with its place.
//!
//! The panic of a handler is logged where it is caught, with the name of its message.

use super::rate_limit::{Permitted, ReasonLimits};
use crate::handler::panics::{notes, words};
use crate::log_target::AGENT;
use crate::text::one_line;
use std::backtrace::Backtrace;
use std::io::{Write, stderr};
use std::panic::PanicHookInfo;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Has panics logged by `tracing`, each in one line with file, line and column, as [`run!`](macro@crate::run)
/// has it. It is the panic hook of the whole process; the one that was set before is no longer called.
///
/// Without it, the program's own hook runs on the thread of the handler that panicked, and all other
/// connections of that thread wait for it. The one of the standard library writes a backtrace if
/// `RUST_BACKTRACE` is set, which takes up to a quarter of a second.
///
/// With `RUST_BACKTRACE=full`, backtraces are written to standard error, by a thread of their own, one
/// at a time. They do not have the text of the panic, since only the log hides secrets.
///
/// ```no_run
/// # use spoa::prelude::*;
/// # use spoa::agent::Agent;
/// # #[spoe_message("ping")] fn ping() {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// spoa::agent::log_panics();
/// let agent = Agent::builder().handlers(handlers![ping]).listen(":12345").build()?;
/// agent.serve(std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
pub fn log_panics() {
    let traces = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "full");
    std::panic::set_hook(Box::new(move |panic| log(panic, traces)));
}

fn log(panic: &PanicHookInfo<'_>, traces: bool) {
    let guarded = notes(panic.location());
    let text = one_line(words(panic.payload()));
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map(|place| format!(", at {place}"));
    let place = place.unwrap_or_default();
    if !guarded {
        report(thread, &text, &place);
    }
    if traces {
        // The text may have a secret in it, which only the log hides.
        trace(format!("backtrace of the panic{place}:\n"), guarded);
    }
}

/// Logs a panic that has no other report, at most once a second for each place: an error that panics when
/// it is dropped does so for each request that fails.
fn report(thread: &str, text: &str, place: &str) {
    static LIMITS: LazyLock<ReasonLimits<64>> = LazyLock::new(ReasonLimits::default);
    if let Some(Permitted { suppressed }) = LIMITS.pass(place) {
        tracing::error!(target: AGENT, suppressed, "thread `{thread}` panicked: {text}{place}");
    }
}

/// Writes a backtrace. To find the names of its functions takes long, so another thread does it.
#[cold]
fn trace(head: String, guarded: bool) {
    static WRITING: AtomicBool = AtomicBool::new(false);
    // A backtrace that is captured while another is written would wait for it.
    if WRITING.swap(true, Ordering::AcqRel) {
        return;
    }
    let trace = Backtrace::force_capture();
    let write = move || {
        // Nobody has to read it.
        let _ = stderr().write_all(format!("{head}{trace}\n").as_bytes());
        WRITING.store(false, Ordering::Release);
    };
    let writer = thread::Builder::new().name("spoa-backtrace".to_owned());
    match writer.spawn(write) {
        // The end of this thread may be that of the process.
        Ok(writer) if !guarded && thread::current().name() == Some("main") => drop(writer.join()),
        Ok(_) => {}
        Err(_) => WRITING.store(false, Ordering::Release),
    }
}
