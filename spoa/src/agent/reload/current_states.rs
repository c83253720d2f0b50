//! The states of an agent, and the old ones until nobody uses them.

use super::part::Install;
use crate::handler::States;
use crate::task;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How often to check whether old values are still in use.
const RELEASE: Duration = Duration::from_millis(100);

/// The states that hold now.
#[derive(Debug)]
pub(crate) struct CurrentStates {
    /// That of the states: connections look here whether theirs hold still.
    generation: AtomicU64,
    states: watch::Sender<Arc<States>>,
}

impl CurrentStates {
    pub(crate) fn new(states: States) -> Arc<Self> {
        Arc::new(CurrentStates {
            generation: AtomicU64::new(states.generation),
            states: watch::Sender::new(Arc::new(states)),
        })
    }

    /// Returns whether other states hold by now.
    #[inline]
    pub(crate) fn is_newer_than(&self, states: &States) -> bool {
        self.generation.load(Ordering::Acquire) != states.generation
    }

    pub(crate) fn states(&self) -> Arc<States> {
        self.states.borrow().clone()
    }

    /// Subscribes to reloads.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<States>> {
        self.states.subscribe()
    }

    /// Puts all in its place; returns what held before.
    pub(super) fn replace(&self, made: Vec<Install>) -> Arc<States> {
        let before = self.states();
        let mut states = States::clone(&before);
        for put in made {
            put(&mut states);
        }
        states.generation += 1;
        self.states.send_modify(|current| {
            self.generation.store(states.generation, Ordering::Release);
            *current = Arc::new(states);
        });
        before
    }
}

/// Frees replaced values once they are unused: freeing a large one takes time, which a thread that
/// serves does not have.
pub(super) async fn release(old: Arc<States>) {
    while Arc::strong_count(&old) > 1 {
        tokio::time::sleep(RELEASE).await;
    }
    task::spawn_blocking(move || drop(old));
}
