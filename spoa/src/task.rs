//! Tasks, and work that a task cannot do itself.
//!
//! The futures of tasks are boxed, so that they all have one type: for each type of future, Tokio's code for a task is
//! compiled again, once for each kind of runtime.

use std::future::Future;
use std::pin::Pin;
use std::thread;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

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

/// Does work that tokio lets no task do, such as dropping a runtime. In a task, a thread for it does it, within the
/// runtime of the task, which waits for its end.
pub(crate) fn run_outside(work: Box<dyn FnOnce() + Send>) {
    let Ok(runtime) = Handle::try_current() else {
        return work();
    };
    let thread = thread::Builder::new().name("spoa-drop".to_owned());
    let thread = thread.spawn(move || {
        let _runtime = runtime.enter();
        work();
    });
    if let Ok(thread) = thread {
        let _ = thread.join();
    }
}
