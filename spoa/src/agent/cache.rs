//! A cache of values that handlers use again for a while.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A cache of values that expire, with a limit for their number. It is for answers of a service, so that handlers need not
/// ask it again.
///
/// When the cache is full, it forgets values that were not used lately. Clients choose the keys, so a map without a limit
/// would grow as they like.
///
/// ```
/// use spoa::State;
/// use spoa::agent::Cache;
/// use spoa::prelude::*;
/// use std::time::Duration;
///
/// struct Users(Cache<String, bool>);
///
/// impl Users {
///     fn new() -> Self {
///         // At most 10,000 answers, each for 5 seconds.
///         Users(Cache::new(10_000, Duration::from_secs(5)))
///     }
/// }
///
/// async fn query(user: &str) -> bool {
///     user == "alice"
/// }
///
/// #[spoe_message("check-user", set = "txn.known")]
/// async fn check_user(user: Text<'_>, State(users): State<'_, Users>) -> bool {
///     if let Some(known) = users.0.get(&*user) {
///         return known;
///     }
///     let known = query(&user).await;
///     users.0.put(user.to_string(), known);
///     known
/// }
/// ```
///
/// Put a large value into an `Arc`, since [`get`](Cache::get) clones it.
pub struct Cache<K, V> {
    /// The number of values in each half.
    half: usize,
    time: Duration,
    halves: Mutex<Halves<K, V>>,
}

/// The longest time, so that the end of a value can be computed.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Values with the times at which they expire. A new value is young. When the young half is full, the cache forgets the old
/// half, and the young half becomes the old one.
struct Halves<K, V> {
    young: HashMap<K, (Instant, V)>,
    old: HashMap<K, (Instant, V)>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Makes a cache that keeps a number of values, each for a time. A cache for fewer than two values keeps none.
    #[must_use]
    pub fn new(limit: usize, time: Duration) -> Self {
        Cache {
            half: limit / 2,
            time: time.min(LONGEST),
            halves: Mutex::new(Halves {
                young: HashMap::new(),
                old: HashMap::new(),
            }),
        }
    }

    /// Returns the value of a key, unless it has expired.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut halves = self.halves();
        if let Some((end, value)) = halves.young.get(key) {
            return (Instant::now() < *end).then(|| value.clone());
        }
        let (key, (end, value)) = halves.old.remove_entry(key)?;
        if Instant::now() >= end {
            // As a value is dropped, it may use the cache.
            drop(halves);
            return None;
        }
        let copy = value.clone();
        let gone = halves.insert(self.half, key, (end, value));
        drop(halves);
        drop(gone);
        Some(copy)
    }

    /// Keeps a value for the time of the cache, in place of an earlier value of that key.
    pub fn put(&self, key: K, value: V) {
        if self.half == 0 || self.time.is_zero() {
            return;
        }
        let end = Instant::now() + self.time;
        let mut halves = self.halves();
        let replaced = halves.old.remove(&key);
        let gone = halves.insert(self.half, key, (end, value));
        // Half of the values can take long to drop, and other handlers do not wait for that.
        drop(halves);
        drop((replaced, gone));
    }

    fn halves(&self) -> MutexGuard<'_, Halves<K, V>> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values that a new one replaced. They are dropped when the lock is free, since that runs code of the program.
type Gone<K, V> = (Option<HashMap<K, (Instant, V)>>, Option<(Instant, V)>);

impl<K: Hash + Eq, V> Halves<K, V> {
    fn insert(&mut self, half: usize, key: K, value: (Instant, V)) -> Gone<K, V> {
        let full = self.young.len() >= half && !self.young.contains_key(&key);
        let old = full.then(|| {
            let young = std::mem::take(&mut self.young);
            std::mem::replace(&mut self.old, young)
        });
        (old, self.young.insert(key, value))
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Cache");
        debug
            .field("limit", &(self.half * 2))
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn kept(cache: &Cache<u32, u32>) -> usize {
        let halves = cache.halves();
        halves.young.len() + halves.old.len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_valid_for_its_lifetime() {
        let cache = Cache::new(10, SECOND);
        cache.put("a".to_owned(), 1);
        assert_eq!((cache.get("a"), cache.get("b")), (Some(1), None));
        tokio::time::sleep(SECOND / 2).await;
        cache.put("b".to_owned(), 2);
        assert_eq!((cache.get("a"), cache.get("b")), (Some(1), Some(2)));
        tokio::time::sleep(SECOND / 2).await;
        assert_eq!((cache.get("a"), cache.get("b")), (None, Some(2)));
        cache.put("a".to_owned(), 3);
        assert_eq!(cache.get("a"), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn using_a_value_does_not_extend_its_lifetime() {
        let cache = Cache::new(2, SECOND);
        cache.put(1, 1);
        cache.put(2, 2);
        // From the old half to the young one.
        assert_eq!(cache.get(&1), Some(1));
        tokio::time::sleep(SECOND).await;
        assert_eq!((cache.get(&1), cache.get(&2)), (None, None));
    }

    #[tokio::test]
    async fn the_number_of_values_is_limited_and_used_values_stay() {
        let cache = Cache::new(100, SECOND * 3600);
        cache.put(0, 0);
        for number in 1..1000 {
            cache.put(number, number);
            assert!(kept(&cache) <= 100, "{} are kept", kept(&cache));
            assert_eq!(cache.get(&0), Some(0), "after {number}");
        }
        assert_eq!((cache.get(&999), cache.get(&1)), (Some(999), None));
    }

    #[tokio::test]
    async fn a_replaced_value_is_not_returned_again() {
        let cache = Cache::new(2, SECOND * 3600);
        for (key, value) in [(1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (1, 4)] {
            cache.put(key, value);
            assert_eq!(cache.get(&key), Some(value));
        }
        assert!(kept(&cache) <= 2);
    }

    #[test]
    fn a_value_that_is_dropped_may_use_the_cache() {
        type Users = Cache<u32, std::sync::Arc<Value>>;
        struct Value(std::sync::Weak<Users>);
        impl Drop for Value {
            fn drop(&mut self) {
                if let Some(cache) = self.0.upgrade() {
                    let _ = cache.get(&1);
                }
            }
        }
        let (done, wait) = std::sync::mpsc::channel();
        // A deadlock would keep this thread for ever.
        std::thread::spawn(move || {
            let cache = std::sync::Arc::new(Users::new(2, SECOND * 3600));
            let value = || std::sync::Arc::new(Value(std::sync::Arc::downgrade(&cache)));
            for key in [1, 1, 2, 2, 3, 1, 4, 5] {
                cache.put(key, value());
            }
            let brief = std::sync::Arc::new(Users::new(2, Duration::from_nanos(1)));
            brief.put(
                1,
                std::sync::Arc::new(Value(std::sync::Arc::downgrade(&brief))),
            );
            brief.put(
                2,
                std::sync::Arc::new(Value(std::sync::Arc::downgrade(&brief))),
            );
            assert!(brief.get(&1).is_none());
            done.send(()).unwrap();
        });
        assert_eq!(wait.recv_timeout(SECOND * 20), Ok(()));
    }

    #[tokio::test]
    async fn the_lifetime_of_values_can_be_unlimited() {
        let cache = Cache::new(2, Duration::MAX);
        cache.put(1, 1);
        assert_eq!(cache.get(&1), Some(1));
    }

    #[tokio::test]
    async fn a_cache_without_room_or_time_keeps_nothing() {
        for (limit, time) in [(0, SECOND), (1, SECOND), (10, Duration::ZERO)] {
            let cache = Cache::new(limit, time);
            cache.put(1, 1);
            assert_eq!((cache.get(&1), kept(&cache)), (None, 0));
        }
    }
}
