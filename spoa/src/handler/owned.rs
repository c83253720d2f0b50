//! Values of the program that an agent drops.

use super::panics::drop_quietly;
use crate::task;
use std::mem::needs_drop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Owns a value of the program, such as a state. Tokio panics if a task drops a runtime, and a client that blocks owns
/// one. So if a task is the last owner, [`task::block`] drops the value. A panic of the drop is caught.
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

impl<T: Send> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some(value) => value,
            None => unreachable!("only `drop` takes it"),
        }
    }
}

impl<T: Send> Drop for Owned<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take().filter(|_| needs_drop::<T>()) {
            let work = Box::new(move || drop_quietly(value));
            // If no thread can be started, the work is dropped, and the value with it.
            drop_quietly(catch_unwind(AssertUnwindSafe(|| task::block(work))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;
    use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
    use tokio::task::{LocalSet, block_in_place};

    /// A client that owns a runtime, as a blocking client does, and waits for that of the agent when it is dropped.
    struct Client {
        runtime: Option<Runtime>,
        dropped: Sender<bool>,
    }

    impl Drop for Client {
        fn drop(&mut self) {
            // Panics here if tokio forbids the drop.
            drop(self.runtime.take());
            let inside = Handle::try_current();
            if let Ok(runtime) = &inside {
                let pause = async { tokio::time::sleep(Duration::from_millis(10)).await };
                if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
                    block_in_place(|| runtime.block_on(pause));
                }
            }
            let _ = self.dropped.send(inside.is_ok());
            panic!("it panics, too");
        }
    }

    fn client() -> (Owned<Client>, impl Fn() -> Option<bool>) {
        let (dropped, was_dropped) = channel();
        let runtime = Some(Runtime::new().unwrap());
        let client = Owned::new(Client { runtime, dropped });
        // The thread that drops the value waits a second, too short for a busy machine. A drop that panics
        // before it sends ends the channel.
        let limit = Duration::from_secs(20);
        (client, move || was_dropped.recv_timeout(limit).ok())
    }

    #[tokio::test]
    async fn a_value_with_a_runtime_is_dropped_in_a_task_of_the_only_thread() {
        let (client, was_dropped) = client();
        drop(client);
        assert_eq!(was_dropped(), Some(true));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_value_with_a_runtime_is_dropped_by_a_worker() {
        let (client, was_dropped) = client();
        let work = async move { drop(client) };
        tokio::spawn(work).await.unwrap();
        assert_eq!(was_dropped(), Some(true));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_value_with_a_runtime_is_dropped_in_a_local_set() {
        let (client, was_dropped) = client();
        LocalSet::new().run_until(async { drop(client) }).await;
        assert_eq!(was_dropped(), Some(true));
    }

    #[test]
    fn a_value_is_dropped_outside_all_runtimes() {
        let (client, was_dropped) = client();
        drop(client);
        assert_eq!(was_dropped(), Some(false));
    }
}
