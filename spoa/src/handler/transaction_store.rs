//! The values of all transactions of an agent: limited in number, bytes and time.

use super::panics::drop_quietly;
use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The number of bytes that the store needs for each value, in addition to the value.
const OVERHEAD: usize = 128;

/// A value of any type.
type Kept = Box<dyn Any + Send>;

/// The key of a value: its type, and two hashes of the id that its messages have. The hashes use secret keys, so that
/// no peer can choose an id that collides with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransactionKey {
    type_id: TypeId,
    hashes: [u64; 2],
}

/// The values of all transactions of an agent.
pub(crate) struct TransactionStore {
    limits: TransactionLimits,
    hashers: [RandomState; 2],
    values: Mutex<Values>,
    expired: AtomicU64,
    evicted: AtomicU64,
}

/// The limits of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionLimits {
    pub(crate) number: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// The counts of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionCounts {
    pub(crate) kept: usize,
    pub(crate) bytes: usize,
    pub(crate) expired: u64,
    pub(crate) evicted: u64,
}

#[derive(Default)]
struct Values {
    by_key: HashMap<TransactionKey, StoredValue>,
    /// The keys in the order in which their values came. The key of a value that was taken or replaced stays until it
    /// is the oldest, or until most keys are such keys.
    order: VecDeque<(u64, TransactionKey)>,
    bytes: usize,
    /// The number of the next value.
    next: u64,
}

struct StoredValue {
    number: u64,
    value: Kept,
    bytes: usize,
    came: Instant,
}

impl fmt::Debug for TransactionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransactionStore")
            .field(&self.counts())
            .finish()
    }
}

impl TransactionStore {
    pub(crate) fn new(limits: TransactionLimits) -> Self {
        TransactionStore {
            limits,
            hashers: [RandomState::new(), RandomState::new()],
            values: Mutex::default(),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// Returns the key of a value of this type.
    pub(crate) fn key<T: 'static>(&self, id: impl Hash) -> TransactionKey {
        TransactionKey {
            type_id: TypeId::of::<T>(),
            hashes: self.hashers.each_ref().map(|hasher| hasher.hash_one(&id)),
        }
    }

    pub(crate) fn counts(&self) -> TransactionCounts {
        let values = self.lock();
        TransactionCounts {
            kept: values.by_key.len(),
            bytes: values.bytes,
            expired: self.expired.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    /// Keeps a value that owns this many bytes, and removes the oldest values if there is no room.
    pub(crate) fn put(&self, key: TransactionKey, value: Kept, bytes: usize) {
        self.put_at(key, value, bytes, Instant::now());
    }

    /// Removes a value and returns it.
    pub(crate) fn take(&self, key: TransactionKey) -> Option<Kept> {
        self.take_at(key, Instant::now())
    }

    /// Passes a value to `look`, which must not use the store: the store is locked.
    pub(crate) fn look<R>(
        &self,
        key: TransactionKey,
        look: impl FnOnce(&Kept) -> Option<R>,
    ) -> Option<R> {
        let values = self.lock();
        let entry = values.by_key.get(&key)?;
        if self.is_over(entry, Instant::now()) {
            return None;
        }
        look(&entry.value)
    }

    /// Drops the values whose time is over.
    pub(crate) fn sweep(&self) {
        let gone = self.expire(&mut self.lock(), Instant::now());
        drop_all(gone);
    }

    fn put_at(&self, key: TransactionKey, value: Kept, bytes: usize, now: Instant) {
        let bytes = bytes.saturating_add(OVERHEAD);
        if bytes > self.limits.bytes || self.limits.number == 0 {
            self.evicted.fetch_add(1, Ordering::Relaxed);
            drop_all(self.take(key).into_iter().chain([value]).collect());
            return;
        }
        let mut values = self.lock();
        let mut gone = self.expire(&mut values, now);
        gone.extend(values.remove(key).map(|entry| entry.value));
        while values.by_key.len() >= self.limits.number || values.bytes > self.limits.bytes - bytes
        {
            let Some((number, oldest)) = values.order.pop_front() else {
                break;
            };
            if values.is_current(number, oldest) {
                gone.extend(values.remove(oldest).map(|entry| entry.value));
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
        let number = values.next;
        values.next += 1;
        values.bytes += bytes;
        let entry = StoredValue {
            number,
            value,
            bytes,
            came: now,
        };
        values.by_key.insert(key, entry);
        values.order.push_back((number, key));
        values.forget_stale_keys();
        drop(values);
        drop_all(gone);
    }

    fn take_at(&self, key: TransactionKey, now: Instant) -> Option<Kept> {
        let mut values = self.lock();
        let gone = self.expire(&mut values, now);
        let taken = values.remove(key);
        drop(values);
        drop_all(gone);
        taken.map(|entry| entry.value)
    }

    /// Removes the values whose time is over. The caller drops them once the lock is free, since that runs code of
    /// the program.
    fn expire(&self, values: &mut Values, now: Instant) -> Vec<Kept> {
        let mut gone = Vec::new();
        while let Some(&(number, key)) = values.order.front() {
            if values.is_current(number, key) {
                let entry = values.by_key.get(&key);
                if !entry.is_some_and(|entry| self.is_over(entry, now)) {
                    break;
                }
                gone.extend(values.remove(key).map(|entry| entry.value));
            }
            values.order.pop_front();
        }
        self.expired.fetch_add(gone.len() as u64, Ordering::Relaxed);
        gone
    }

    fn is_over(&self, entry: &StoredValue, now: Instant) -> bool {
        now.saturating_duration_since(entry.came) >= self.limits.time
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    /// Returns whether the value of this number is still the value of its key.
    fn is_current(&self, number: u64, key: TransactionKey) -> bool {
        self.by_key
            .get(&key)
            .is_some_and(|entry| entry.number == number)
    }

    fn remove(&mut self, key: TransactionKey) -> Option<StoredValue> {
        let entry = self.by_key.remove(&key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// Forgets the keys of values that are gone, if most keys are such keys.
    fn forget_stale_keys(&mut self) {
        if self.order.len() > 2 * self.by_key.len() + 64 {
            let by_key = &self.by_key;
            self.order.retain(|(number, key)| {
                by_key.get(key).is_some_and(|entry| entry.number == *number)
            });
        }
    }
}

/// Drops values of the program, each of which may panic.
fn drop_all(values: Vec<Kept>) {
    values.into_iter().for_each(drop_quietly);
}

/// Drops the values that are left, and catches their panics.
impl Drop for TransactionStore {
    fn drop(&mut self) {
        let values = std::mem::take(&mut *self.lock());
        drop_all(values.by_key.into_values().map(|it| it.value).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn store(number: usize, bytes: usize) -> TransactionStore {
        TransactionStore::new(TransactionLimits {
            number,
            bytes,
            time: 10 * SECOND,
        })
    }

    fn put(store: &TransactionStore, id: u32, now: Instant) {
        store.put_at(store.key::<u32>(id), Box::new(id), 0, now);
    }

    fn take(store: &TransactionStore, id: u32, now: Instant) -> Option<u32> {
        let value = store.take_at(store.key::<u32>(id), now)?;
        Some(*value.downcast().unwrap())
    }

    fn counts(store: &TransactionStore) -> (usize, u64, u64) {
        let counts = store.counts();
        (counts.kept, counts.expired, counts.evicted)
    }

    #[test]
    fn a_value_is_taken_once() {
        let (store, now) = (store(10, 10_000), Instant::now());
        put(&store, 1, now);
        put(&store, 2, now);
        assert_eq!(take(&store, 1, now), Some(1));
        assert_eq!(take(&store, 1, now), None);
        let other = store.key::<u64>(2_u32);
        assert!(store.take_at(other, now).is_none());
        assert_eq!(store.look(store.key::<u32>(2_u32), |_| Some(())), Some(()));
        assert_eq!(take(&store, 2, now), Some(2));
        assert_eq!(store.counts().bytes, 0);
    }

    #[test]
    fn the_oldest_values_are_removed_to_make_room() {
        let (store, now) = (store(3, 1 << 20), Instant::now());
        (0..3).for_each(|id| put(&store, id, now));
        // A value that is put again is the youngest.
        put(&store, 0, now);
        put(&store, 3, now);
        assert_eq!(take(&store, 1, now), None);
        assert_eq!(counts(&store), (3, 0, 1));
        for id in [0, 2, 3] {
            assert_eq!(take(&store, id, now), Some(id));
        }
    }

    #[test]
    fn the_bytes_of_all_values_are_limited() {
        let (store, now) = (store(100, 10 * OVERHEAD), Instant::now());
        (0..100).for_each(|id| put(&store, id, now));
        assert_eq!(counts(&store), (10, 0, 90));
        assert_eq!(store.counts().bytes, 10 * OVERHEAD);
        // A value that exceeds the limit by itself is not kept, nor is the value before it.
        let key = store.key::<u32>(99_u32);
        store.put_at(key, Box::new(99_u32), 10 * OVERHEAD, now);
        assert_eq!(take(&store, 99, now), None);
        assert_eq!(counts(&store), (9, 0, 91));
    }

    #[test]
    fn a_value_is_dropped_after_its_time() {
        let (store, now) = (store(10, 10_000), Instant::now());
        put(&store, 1, now);
        put(&store, 2, now + 5 * SECOND);
        assert_eq!(take(&store, 1, now + 10 * SECOND), None);
        assert_eq!(counts(&store), (1, 1, 0));
        assert_eq!(take(&store, 2, now + 14 * SECOND), Some(2));
    }

    #[test]
    fn keys_of_values_that_are_gone_do_not_pile_up() {
        let (store, now) = (store(1000, 1 << 20), Instant::now());
        for id in 0..10_000 {
            put(&store, id, now);
            assert_eq!(take(&store, id, now), Some(id));
            assert!(store.lock().order.len() <= 64 + 1);
        }
        for _ in 0..10_000 {
            put(&store, 1, now);
        }
        assert!(store.lock().order.len() <= 2 + 64);
        assert_eq!(counts(&store), (1, 0, 0));
    }

    #[test]
    fn a_value_that_panics_when_it_is_dropped_does_not_affect_others() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped")
            }
        }
        let (store, now) = (store(2, 1 << 20), Instant::now());
        for id in 0..5_u32 {
            store.put_at(store.key::<Bomb>(id), Box::new(Bomb), 0, now);
        }
        put(&store, 9, now);
        assert_eq!(take(&store, 9, now), Some(9));
    }
}
