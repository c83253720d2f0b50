//! Answers that count for a while.

use crate::service::{Answer, Question};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Two hashes with secret keys, so that a client cannot find a request with the key of another one.
type Key = [u64; 2];

/// The last answers, by the headers of their questions.
pub struct Cache {
    time: Duration,
    limit: usize,
    hashers: [RandomState; 2],
    answers: Mutex<HashMap<Key, (Instant, Answer)>>,
}

impl Cache {
    /// Makes a cache for answers that count for a time, with room for a number of them.
    pub fn new(time: Duration, limit: usize) -> Self {
        Cache {
            time,
            limit,
            hashers: Default::default(),
            answers: Mutex::default(),
        }
    }

    /// Returns the answer to an equal question, if it still counts.
    pub fn get(&self, question: &Question, now: Instant) -> Option<Answer> {
        let answers = self.answers();
        let (until, answer) = answers.get(&self.key(question))?;
        (*until > now).then(|| answer.clone())
    }

    /// Keeps an answer, unless it is for one request only. If there is no room, forgets those that no longer count, or
    /// all.
    pub fn put(&self, question: &Question, answer: &Answer, now: Instant) {
        let control = answer.headers.get("cache-control");
        let no_store = control.is_some_and(|value| value.as_bytes().starts_with(b"no-store"));
        let decides = answer.status.is_success() || [401, 403].contains(&answer.status.as_u16());
        if no_store || !decides || answer.headers.contains_key("set-cookie") || self.limit == 0 {
            return;
        }
        let mut answers = self.answers();
        if answers.len() >= self.limit {
            answers.retain(|_, (until, _)| *until > now);
        }
        if answers.len() >= self.limit {
            answers.clear();
        }
        answers.insert(self.key(question), (now + self.time, answer.clone()));
    }

    fn key(&self, question: &Question) -> Key {
        self.hashers
            .each_ref()
            .map(|hasher| hasher.hash_one(question))
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Key, (Instant, Answer)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    const SECOND: Duration = Duration::from_secs(1);

    fn question(path: &str) -> Vec<(HeaderName, HeaderValue)> {
        let name = HeaderName::from_static("x-forwarded-uri");
        vec![(name, HeaderValue::from_str(path).unwrap())]
    }

    fn answer(status: u16) -> Answer {
        Answer {
            status: status.try_into().unwrap(),
            headers: Default::default(),
        }
    }

    #[test]
    fn an_answer_counts_for_equal_questions_and_for_a_time() {
        let (cache, now) = (Cache::new(SECOND, 10), Instant::now());
        cache.put(&question("/a"), &answer(204), now);
        assert!(cache.get(&question("/a"), now + SECOND / 2).is_some());
        assert!(cache.get(&question("/b"), now).is_none());
        assert!(cache.get(&question("/a"), now + SECOND).is_none());
    }

    #[test]
    fn answers_for_one_request_are_not_kept() {
        let (cache, now) = (Cache::new(SECOND, 10), Instant::now());
        for status in [302, 404, 500] {
            cache.put(&question("/a"), &answer(status), now);
        }
        for (name, value) in [("set-cookie", "a=b"), ("cache-control", "no-store")] {
            let mut answer = answer(200);
            answer.headers.insert(name, HeaderValue::from_static(value));
            cache.put(&question("/a"), &answer, now);
        }
        assert!(cache.get(&question("/a"), now).is_none());
        cache.put(&question("/a"), &answer(401), now);
        assert!(cache.get(&question("/a"), now).is_some());
    }

    #[test]
    fn the_memory_of_the_cache_has_a_limit() {
        let (cache, now) = (Cache::new(SECOND, 3), Instant::now());
        for number in 0..3 {
            cache.put(
                &question(&format!("/{number}")),
                &answer(200),
                now + SECOND * number,
            );
        }
        // Those that no longer count make room.
        cache.put(&question("/3"), &answer(200), now + SECOND);
        assert_eq!(cache.answers().len(), 3);
        // If all count, all are forgotten.
        cache.put(&question("/4"), &answer(200), now + SECOND);
        assert_eq!(cache.answers().len(), 1);
        Cache::new(SECOND, 0).put(&question("/5"), &answer(200), now);
    }
}
