//! Counts requests: in Redis for all agents, or in this process.

use crate::{Limit, Options};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use spoa::agent::Dependency;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The largest number of keys that this process counts. At this number, it forgets all.
const MAX_KEYS: usize = 100_000;

/// The counts of all keys.
pub struct Store {
    redis: ConnectionManager,
    script: redis::Script,
    dependency: Dependency,
    agents: u32,
    /// The time at which the bucket of each key is empty.
    local: Mutex<HashMap<String, Instant>>,
}

impl Store {
    /// Makes the store. It connects when the first request comes, so that an agent starts without Redis.
    pub fn new(options: &Options) -> Result<Self, spoa::HandlerError> {
        if options.redis_timeout > Duration::from_millis(500) {
            return Err("option `--redis-timeout`: at most 500ms, since the handler has 1s".into());
        }
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let client = redis::Client::open(options.redis.as_str())?;
        Ok(Store {
            redis: ConnectionManager::new_lazy_with_config(client, config)?,
            script: redis::Script::new(include_str!("take.lua")),
            dependency: Dependency::new("Redis", options.redis_timeout, options.redis_retry),
            agents: options.agents,
            local: Mutex::default(),
        })
    }

    /// Counts a request, if all of its keys have room. Returns the store that decided, how many requests are left, and
    /// the seconds until there is room: 0 if the request was counted. Returns `None` if no store decided.
    pub async fn take(&self, keys: &[(String, &Limit)]) -> Option<(&'static str, (u64, u64))> {
        let mut script = self.script.prepare_invoke();
        for (key, limit) in keys {
            let time = limit.time.as_micros() as u64;
            script.key(key).arg(limit.count).arg(time);
        }
        let mut redis = self.redis.clone();
        if let Some(taken) = self.dependency.ask(script.invoke_async(&mut redis)).await {
            return Some(("redis", taken));
        }
        (self.agents > 0).then(|| ("local", self.take_here(keys, Instant::now())))
    }

    /// Does what `take.lua` does, in this process, with the share of one agent.
    fn take_here(&self, keys: &[(String, &Limit)], now: Instant) -> (u64, u64) {
        let mut empty_at = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if empty_at.len() >= MAX_KEYS {
            empty_at.clear();
        }
        let (mut left, mut wait, mut taken) = (u64::MAX, Duration::ZERO, Vec::new());
        for (key, limit) in keys {
            let cost = limit.time * self.agents / limit.count;
            let span = limit.time.max(cost);
            let empty = empty_at.get(key).map_or(now, |at| now.max(*at)) + cost;
            let used = empty - now;
            left = left.min((span.saturating_sub(used).as_nanos() / cost.as_nanos()) as u64);
            wait = wait.max(used.saturating_sub(span));
            taken.push((key.clone(), empty));
        }
        if wait.is_zero() {
            empty_at.extend(taken);
        }
        (left, wait.as_secs_f64().ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::store;

    fn limit(count: u32, seconds: u64) -> Limit {
        let time = Duration::from_secs(seconds);
        Limit { count, time }
    }

    #[tokio::test]
    async fn all_keys_of_a_request_need_room() {
        let (now, store) = (Instant::now(), store(1));
        let (two, three) = (limit(2, 1), limit(3, 1));
        let both = [("address".to_owned(), &two), ("user".to_owned(), &three)];
        assert_eq!(store.take_here(&both, now), (1, 0));
        assert_eq!(store.take_here(&both, now), (0, 0));
        assert_eq!(store.take_here(&both, now), (0, 1));
        // The denied request does not count for the user.
        assert_eq!(store.take_here(&both[1..], now), (0, 0));
        let early = now + Duration::from_millis(499);
        assert_eq!(store.take_here(&both[..1], early), (0, 1));
        let later = now + Duration::from_millis(500);
        assert_eq!(store.take_here(&both[..1], later), (0, 0));
    }

    #[tokio::test]
    async fn one_of_several_agents_has_its_share_and_at_least_one_request() {
        let (now, limit) = (Instant::now(), limit(2, 10));
        let key = [("user".to_owned(), &limit)];
        for (agents, wait) in [(2, 10), (10, 50)] {
            let store = store(agents);
            assert_eq!(store.take_here(&key, now), (0, 0), "{agents}");
            assert_eq!(store.take_here(&key, now), (0, wait), "{agents}");
        }
    }

    #[tokio::test]
    async fn the_memory_of_one_process_has_a_limit() {
        let (now, store, limit) = (Instant::now(), store(1), limit(1, 3600));
        for number in 0..MAX_KEYS + 10 {
            store.take_here(&[(number.to_string(), &limit)], now);
        }
        assert_eq!(store.local.lock().unwrap().len(), 10);
    }
}
