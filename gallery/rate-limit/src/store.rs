//! Counts requests: in Redis for all agents, or in this process.

use crate::Options;
use crate::limits::Limit;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use spoa::agent::Dependency;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The keys that this process counts at most. If there are more, it begins again.
const MAX_KEYS: usize = 100_000;

/// How many requests are left, or the time until there is room for one.
pub type Taken = Result<u64, Duration>;

/// The counts of all keys.
pub struct Store {
    redis: ConnectionManager,
    script: redis::Script,
    dependency: Dependency,
    /// When each key is as if no request had come.
    here: Mutex<HashMap<String, Instant>>,
}

impl Store {
    /// Makes the store. It connects when the first request comes, so that an agent starts without Redis.
    pub fn new(options: &Options) -> Result<Self, redis::RedisError> {
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let client = redis::Client::open(options.redis.as_str())?;
        Ok(Store {
            redis: ConnectionManager::new_lazy_with_config(client, config)?,
            script: redis::Script::new(include_str!("take.lua")),
            dependency: Dependency::new("Redis", options.redis_timeout, options.redis_retry),
            here: Mutex::default(),
        })
    }

    /// Counts a request in Redis, if all of its keys have room. Returns `None` if Redis is away.
    pub async fn take(&self, keys: &[(String, Limit)]) -> Option<Taken> {
        let mut script = self.script.prepare_invoke();
        for (key, limit) in keys {
            let [cost, span] = limit.costs(1).map(|time| time.as_micros() as u64);
            script.key(key).arg(cost).arg(span);
        }
        let mut redis = self.redis.clone();
        let answer = self.dependency.ask(script.invoke_async(&mut redis)).await;
        answer.map(|(allowed, left, wait)| match allowed {
            true => Ok(left),
            false => Err(Duration::from_micros(wait)),
        })
    }

    /// Does what `take.lua` does, in this process: with the share of one of `agents`.
    pub fn take_here(&self, keys: &[(String, Limit)], agents: u32, now: Instant) -> Taken {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.len() >= MAX_KEYS {
            here.clear();
        }
        let (mut left, mut wait) = (u64::MAX, Duration::ZERO);
        let mut taken = Vec::new();
        for (key, limit) in keys {
            let [cost, span] = limit.costs(agents);
            let full_at = here.get(key).map_or(now, |at| now.max(*at)) + cost;
            let used = full_at - now;
            left = left.min((span.saturating_sub(used).as_micros() / cost.as_micros()) as u64);
            wait = wait.max(used.saturating_sub(span));
            taken.push((key.clone(), full_at));
        }
        if wait > Duration::ZERO {
            return Err(wait);
        }
        here.extend(taken);
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn store() -> Store {
        use clap::{Args as _, FromArgMatches as _};
        let command = Options::augment_args(clap::Command::new("rate-limit"));
        let matches = command.get_matches_from(["rate-limit"]);
        Store::new(&Options::from_arg_matches(&matches).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn all_keys_of_a_request_need_room() {
        let limits = Limits::parse("address 2/1s\nuser 3/1s").unwrap();
        let key = |kind: &str| (kind.to_owned(), limits.get(kind, "").unwrap());
        let (now, store) = (Instant::now(), store());
        let both = [key("address"), key("user")];
        assert_eq!(store.take_here(&both, 1, now), Ok(1));
        assert_eq!(store.take_here(&both, 1, now), Ok(0));
        let wait = Duration::from_millis(500);
        assert_eq!(store.take_here(&both, 1, now), Err(wait));
        // The denied request does not count for the user.
        assert_eq!(store.take_here(&[key("user")], 1, now), Ok(0));
        assert_eq!(store.take_here(&both[..1], 1, now + wait), Ok(0));
    }

    #[tokio::test]
    async fn the_memory_of_one_process_has_a_limit() {
        let limit = Limits::parse("key 1/1h").unwrap().get("key", "").unwrap();
        let (now, store) = (Instant::now(), store());
        for number in 0..MAX_KEYS + 10 {
            store.take_here(&[(number.to_string(), limit)], 1, now).ok();
        }
        assert_eq!(store.here.lock().unwrap().len(), 10);
    }
}
