//! Counters in several copies, so that threads which count at the same time do not slow each other down.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many copies there are of a counter.
const SHARDS: usize = 8;

/// The copy that a thread counts in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shard(usize);

impl Shard {
    /// Returns the shards in turn: each worker thread takes one.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Shard(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS)
    }
}

/// Alone on its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// Counters, with a copy for each shard.
#[derive(Debug, Default)]
pub(crate) struct Sharded<T>([Alone<T>; SHARDS]);

impl<T> Sharded<T> {
    /// Returns the copy of a shard.
    #[inline]
    pub(crate) fn of(&self, shard: Shard) -> &T {
        let [first, ..] = &self.0;
        // The compiler sees that it is there.
        &self.0.get(shard.0 % SHARDS).unwrap_or(first).0
    }

    /// Returns all copies.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|alone| &alone.0)
    }
}
