//! Handlers that wait until the test lets them go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use spoa_tests::eventually;
use tokio::sync::Semaphore;

/// Where handlers wait; shared by the agent, as its state, and the test.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    waiting: AtomicUsize,
    open: Semaphore,
}

impl Gate {
    /// A gate that lets no client through.
    pub(crate) fn shut() -> Gate {
        let (waiting, open) = (AtomicUsize::new(0), Semaphore::new(0));
        Gate(Arc::new(Inner { waiting, open }))
    }

    /// For a handler: waits to be let through.
    pub(crate) async fn pass(&self) {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        let passed = self.0.open.acquire().await;
        passed.expect("a gate is never done away with").forget();
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits until `count` handlers wait.
    pub(crate) fn wait_for(&self, handlers: usize) {
        eventually(&format!("{handlers} handlers wait"), || {
            self.waiting() == handlers
        });
    }

    /// Lets all through who wait.
    pub(crate) fn open(&self) {
        self.0.open.add_permits(self.waiting());
        self.wait_for(0);
    }

    fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }
}
