//! A service that handlers ask, and that may be away.

use super::report::rate_limit::{Permitted, RateLimit};
use crate::log_target::AGENT;
use crate::text::one_line;

use std::fmt::Display;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A service that handlers ask: a database, a cache, an HTTP server.
///
/// If it fails or takes too long, it is away for a pause: no handler asks it, so a service that hangs costs one
/// timeout and not one for each message. After the pause one handler asks it, and the others do without it until there
/// is an answer. The log has one ERROR at the start of an outage, and one INFO at its end. If outages begin more often than
/// once a second, it has no lines for the others.
///
/// ```
/// use spoa::State;
/// use spoa::agent::Dependency;
/// use spoa::prelude::*;
/// use std::time::Duration;
///
/// struct Users(Dependency);
///
/// impl Users {
///     fn new() -> Self {
///         Users(Dependency::new("the database", Duration::from_millis(20), Duration::from_secs(1)))
///     }
/// }
///
/// async fn query(user: &str) -> Result<bool, std::io::Error> {
///     Ok(user == "alice")
/// }
///
/// #[spoe_message("check-user", timeout = "100ms")]
/// async fn check_user(user: Text<'_>, State(users): State<'_, Users>) -> Option<SetVar<bool>> {
///     // `None` while the database is away.
///     let known = users.0.ask(query(&user)).await?;
///     Some(SetVar::transaction("known", known))
/// }
/// ```
///
/// The deadline of the handler has to be later than the timeout: a handler that is late tells nothing about the
/// service.
#[derive(Debug)]
pub struct Dependency {
    name: String,
    timeout: Duration,
    pause: Duration,
    outage: Mutex<Option<Outage>>,
    lines: RateLimit,
}

/// A time without answers.
#[derive(Debug)]
struct Outage {
    /// The end of the pause.
    until: Instant,
    /// Whether the log says that there is an outage.
    said: bool,
}

impl Dependency {
    /// Makes a dependency. The name is for the log: `Redis`, `the database`.
    pub fn new(name: impl Into<String>, timeout: Duration, pause: Duration) -> Self {
        Dependency {
            name: name.into(),
            timeout,
            pause,
            outage: Mutex::default(),
            lines: RateLimit::default(),
        }
    }

    /// Asks a question. Returns `None` if the service is away, fails or does not answer in time.
    ///
    /// The future of a question that is not asked is dropped without being polled.
    pub async fn ask<T, E: Display>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        if let Some(Outage { until, .. }) = &mut *self.outage() {
            if Instant::now() < *until {
                return None;
            }
            // This question tries. Others are not asked before it has an answer or is out of time.
            *until = Instant::now() + self.timeout.max(self.pause);
        }
        let problem = match timeout(self.timeout, question).await {
            Ok(Ok(answer)) => {
                let ended = self.outage().take();
                if ended.is_some_and(|outage| outage.said) {
                    tracing::info!(target: AGENT, "{} answers again", self.name);
                }
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.timeout),
        };
        if let Some(Permitted { suppressed }) = self.fails() {
            tracing::error!(target: AGENT, suppressed, "{} is unavailable, handlers run without it: {}", self.name, one_line(&problem));
        }
        None
    }

    /// Notes a question without answer. Returns whether the log has to say so.
    fn fails(&self) -> Option<Permitted> {
        let mut outage = self.outage();
        let said = outage.as_ref().is_some_and(|outage| outage.said);
        // Questions that were asked together may fail and have answers in turn.
        let permitted = if said { None } else { self.lines.pass() };
        *outage = Some(Outage {
            until: Instant::now() + self.pause,
            said: said || permitted.is_some(),
        });
        permitted
    }

    /// Returns whether the last answer is missing.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.outage().is_some()
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn dependency() -> Dependency {
        Dependency::new("it", Duration::from_millis(20), Duration::from_secs(1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_hangs_costs_one_timeout_for_each_pause() {
        let (it, start) = (dependency(), Instant::now());
        for _ in 0..5 {
            assert_eq!(it.ask(pending::<Result<(), &str>>()).await, None);
        }
        assert_eq!(start.elapsed().as_millis() / 10, 2);
        tokio::time::sleep(Duration::from_secs(1)).await;
        // One question tries; those of that time are not asked.
        let (tried, other) = tokio::join!(
            it.ask(pending::<Result<(), &str>>()),
            it.ask(ready(Ok::<_, &str>(())))
        );
        assert_eq!((tried, other), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_the_outage() {
        let it = dependency();
        assert_eq!(it.ask(ready(Err::<(), _>("refused"))).await, None);
        assert!(it.is_away());
        assert_eq!(it.ask(ready(Ok::<_, &str>(1))).await, None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(it.ask(ready(Ok::<_, &str>(1))).await, Some(1));
        assert!(!it.is_away());
        assert_eq!(it.ask(ready(Ok::<_, &str>(2))).await, Some(2));
    }

    #[tokio::test]
    async fn a_service_that_fails_and_answers_in_turn_does_not_fill_the_log() {
        let (it, begin) = (dependency(), std::time::Instant::now());
        let mut lines = 0;
        // So it is if questions were asked together.
        for _ in 0..1000 {
            lines += u64::from(it.fails().is_some());
            it.outage().take();
        }
        assert!(
            (1..=1 + begin.elapsed().as_secs()).contains(&lines),
            "{lines}"
        );
        // An outage that lasts is said, whatever came before it, and once.
        let is_said = || it.outage().as_ref().is_some_and(|outage| outage.said);
        while !is_said() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "it is never said"
            );
            std::thread::sleep(Duration::from_millis(10));
            it.fails();
        }
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(it.fails(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_question_does_not_keep_the_service_away() {
        let it = dependency();
        assert_eq!(it.ask(ready(Err::<(), _>("refused"))).await, None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        // The handler that tries is late, and is dropped.
        let tries = it.ask(pending::<Result<(), &str>>());
        assert!(timeout(Duration::from_millis(1), tries).await.is_err());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(it.ask(ready(Ok::<_, &str>(1))).await, Some(1));
    }
}
