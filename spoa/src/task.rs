//! Tasks whose futures are boxed, so that they all have one type: for each type of future, Tokio's code for a task is
//! compiled again, once for each kind of runtime.

use std::future::Future;
use std::pin::Pin;
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
