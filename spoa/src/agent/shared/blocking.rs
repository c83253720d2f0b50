//! Places for blocking handlers: a limited number run at once, and a limited number wait for their turn.

use crate::agent::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for the blocking handlers of an agent.
#[derive(Debug)]
pub(crate) struct BlockingPlaces {
    free: Arc<Semaphore>,
    max_running: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// A place for one blocking handler.
pub(crate) enum BlockingPlace {
    /// The handler can run at once.
    Free(OwnedSemaphorePermit),
    /// The handler waits for its turn.
    Queue(BlockingTurn),
}

/// A place in the queue, which is free again when this is dropped.
pub(crate) struct BlockingTurn(Arc<BlockingPlaces>);

impl BlockingPlaces {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let max_running = limits.max_blocking.min(Semaphore::MAX_PERMITS);
        Arc::new(BlockingPlaces {
            free: Arc::new(Semaphore::new(max_running)),
            max_running,
            waiting: AtomicUsize::new(0),
            max_waiting: limits.max_blocking_queue,
        })
    }

    /// Returns how many handlers are running.
    pub(crate) fn running(&self) -> usize {
        self.max_running - self.free.available_permits()
    }

    /// Returns how many handlers wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes a free place, or else one in the queue; `None` if the queue is full.
    pub(crate) fn take(self: &Arc<Self>) -> Option<BlockingPlace> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Some(BlockingPlace::Free(permit));
        }
        if self.max_running == 0 {
            return None;
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = BlockingTurn(self.clone());
        (waiting < self.max_waiting).then_some(BlockingPlace::Queue(turn))
    }
}

impl BlockingTurn {
    /// Waits for the turn of the handler. Handlers have their turns in the order in which they came.
    pub(crate) async fn wait(self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.0.free.clone().acquire_owned().await.ok()
    }
}

impl Drop for BlockingTurn {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(running: usize, waiting: usize) -> Arc<BlockingPlaces> {
        BlockingPlaces::new(&Limits {
            max_blocking: running,
            max_blocking_queue: waiting,
            ..Limits::default()
        })
    }

    fn counts(places: &BlockingPlaces) -> (usize, usize) {
        (places.running(), places.waiting())
    }

    #[tokio::test]
    async fn handlers_beyond_the_places_wait_for_their_turn() {
        let places = places(1, 1);
        let Some(BlockingPlace::Free(first)) = places.take() else {
            panic!("the first place is free")
        };
        let Some(BlockingPlace::Queue(second)) = places.take() else {
            panic!("the queue has a place")
        };
        assert!(places.take().is_none());
        assert_eq!(counts(&places), (1, 1));
        let second = tokio::spawn(second.wait());
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(counts(&places), (1, 0));
        drop(second);
        assert_eq!(counts(&places), (0, 0));
    }

    #[tokio::test]
    async fn a_handler_that_is_cancelled_leaves_the_queue() {
        let places = places(1, 5);
        let _first = places.take();
        let mut turns = Vec::new();
        for _ in 0..5 {
            match places.take() {
                Some(BlockingPlace::Queue(turn)) => turns.push(tokio::spawn(turn.wait())),
                _ => panic!("the queue has a place"),
            }
        }
        tokio::task::yield_now().await;
        assert_eq!(counts(&places), (1, 5));
        for turn in turns {
            turn.abort();
            assert!(turn.await.is_err());
        }
        assert_eq!(counts(&places), (1, 0));
    }

    #[test]
    fn without_places_nothing_waits() {
        assert!(places(0, 5).take().is_none());
    }
}
