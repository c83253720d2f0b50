//! Values of the program that an agent drops.

use super::panics::{drop_quietly, quietly};
use crate::task;
use std::mem::needs_drop;
use std::ops::Deref;

/// A value of the program. Its last owner may be any task of the agent, but a client that blocks has a runtime of its
/// own, which no task can drop. So it is dropped outside the task, which waits for that. A panic of the drop is caught.
pub(crate) struct Owned<T: Send + 'static>(Option<T>);

impl<T: Send> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Owned(Some(value))
    }
}

impl<T: Send> Deref for Owned<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only `drop` takes it"),
        }
    }
}

impl<T: Send> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take().filter(|_| needs_drop::<T>()) {
            let work = Box::new(move || drop_quietly(value));
            // Where the system has no thread left, the work is dropped, and the value with it.
            quietly(|| task::run_outside(work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use tokio::runtime::{Handle, Runtime};

    /// As a blocking client: it has a runtime, and may use that of the agent when it is dropped.
    struct Client {
        runtime: Option<Runtime>,
        dropped: Sender<bool>,
    }

    impl Drop for Client {
        fn drop(&mut self) {
            // Here it panics if it must not be dropped.
            drop(self.runtime.take());
            let _ = self.dropped.send(Handle::try_current().is_ok());
            panic!("it panics, too");
        }
    }

    fn client() -> (Owned<Client>, impl Fn() -> Option<bool>) {
        let (dropped, was_dropped) = channel();
        let runtime = Some(Runtime::new().unwrap());
        let client = Owned::new(Client { runtime, dropped });
        (client, move || was_dropped.try_recv().ok())
    }

    #[tokio::test]
    async fn a_value_with_a_runtime_is_dropped_in_a_task() {
        let (client, was_dropped) = client();
        drop(client);
        assert_eq!(was_dropped(), Some(true));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_value_with_a_runtime_is_dropped_by_a_worker() {
        let (client, was_dropped) = client();
        let work = async move { drop(client) };
        tokio::spawn(work).await.unwrap();
        assert_eq!(was_dropped(), Some(true));
    }

    #[test]
    fn a_value_is_dropped_outside_all_runtimes() {
        let (client, was_dropped) = client();
        drop(client);
        assert_eq!(was_dropped(), Some(false));
    }
}
