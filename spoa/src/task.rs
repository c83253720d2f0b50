//! Tasks, and work that a task cannot do itself.
//!
//! The futures of tasks are boxed, so that they all have one type: for each type of future, Tokio's code for a task is
//! compiled again, once for each kind of runtime.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinHandle, block_in_place};

/// The time that a thread waits for work that it has given to another one.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time that a task with code of the program has to end when it is cancelled. It ends at once, unless it blocks its
/// thread.
pub(crate) const CANCELLED: Duration = Duration::from_millis(100);

/// A future of any type, as the future of a task.
pub(crate) type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Puts a future on the heap.
pub(crate) fn boxed(future: impl Future<Output = ()> + Send + 'static) -> Boxed {
    Box::pin(future)
}

/// Starts a task.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(boxed(future))
}

/// Starts work that blocks on a thread for such work. Its end is not waited for.
pub(crate) fn spawn_blocking(work: impl FnOnce() + Send + 'static) {
    let work: Box<dyn FnOnce() + Send> = Box::new(work);
    tokio::task::spawn_blocking(work);
}

/// Cancels a task that never blocks, and waits until its values are dropped.
#[cfg(feature = "run")]
pub(crate) async fn cancel(task: JoinHandle<()>) {
    task.abort();
    let _ = task.await;
}

/// Runs work that may block or drop a runtime, which tokio forbids in a task. The work does not panic.
///
/// On a runtime with several threads, the worker first hands its other tasks to another thread. On a runtime with one,
/// a new thread does the work, and the caller waits for it for at most a second: the work may need the runtime.
pub(crate) fn block(work: Box<dyn FnOnce() + Send>) {
    let Ok(runtime) = Handle::try_current() else {
        return work();
    };
    let mut work = Some(work);
    if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        // In a `LocalSet`, which has one thread as well, it panics before it begins.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            block_in_place(|| work.take().map(|work| work()))
        }));
    }
    if let Some(work) = work {
        block_on_thread(runtime, work);
    }
}

#[cold]
fn block_on_thread(runtime: Handle, work: Box<dyn FnOnce() + Send>) {
    let log = tracing::dispatcher::get_default(Clone::clone);
    let (end, ended) = mpsc::channel();
    let work = move || {
        let _runtime = runtime.enter();
        tracing::dispatcher::with_default(&log, work);
        // The receiver is gone if the work took longer than `PATIENCE`.
        let _ = end.send(());
    };
    let thread = thread::Builder::new().name("spoa-drop".to_owned());
    if thread.spawn(work).is_ok() {
        let _ = ended.recv_timeout(PATIENCE);
    }
}
