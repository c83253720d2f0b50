//! Tests of an agent, in memory or behind a real HAProxy.
//!
//! A handler is a function, so most tests call it. [`TestAgent`] runs the whole agent and an engine in the test's
//! process, with the whole protocol between them: such tests need no HAProxy, and see the agent's answer and the
//! failures that it would log. `HaProxy`, which needs the feature `tools` as well, runs a HAProxy in front of the agent:
//! such tests see the response to a request. `Service` runs a program that the agent depends on, which a test can halt,
//! kill and start again, and [`eventually`] waits for a condition.
//!
//! ```
//! use spoa::prelude::*;
//! use spoa::testing::TestAgent;
//! use std::net::IpAddr;
//!
//! #[spoe_message("get-ip-reputation")]
//! fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
//!     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
//! }
//!
//! # fn main() -> Result<(), spoa::testing::CallError> {
//! // In a #[test]:
//! let agent = TestAgent::new(handlers![ip_reputation]);
//! let answer = agent.call_blocking("get-ip-reputation", &[("ip", &"192.0.2.7")])?;
//! assert_eq!(answer.get("sess.ip_score"), Some(20));
//! # Ok(())
//! # }
//! ```
//!
//! In a `#[tokio::test]`, write `agent.call(…).await?`. With `start_paused = true`, which needs tokio's feature
//! `test-util`, the deadlines of handlers pass without waiting.

mod answer;
mod eventually;
#[cfg(feature = "tools")]
mod haproxy;
#[cfg(feature = "tools")]
mod log;
#[cfg(feature = "tools")]
mod port;
mod request;
#[cfg(feature = "tools")]
mod service;

pub use answer::{Answer, CallError, MessageFailure};
pub use eventually::{Eventual, eventually};
#[cfg(feature = "tools")]
pub use haproxy::{
    HaProxy, HaProxyBuilder, InstalledHaProxy, ReceivedRequest, Reply, RequestBuilder, http_get,
};
pub use request::HttpRequest;
#[cfg(feature = "tools")]
pub use service::{Service, free_port};

use crate::agent::{self, Agent, AgentBuilder};
use crate::client::{Client, ClientOptions, Error as ClientError};
use crate::handler::{AsValue, Definition, Peer};
use crate::spop::Value;
use crate::unanswered::others;
use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The arguments of a message: names, empty for an argument without one, and values.
///
/// ```
/// use spoa::testing::CallArgs;
///
/// let ip = std::net::Ipv4Addr::LOCALHOST;
/// let args: &CallArgs<'_> = &[("ip", &ip), ("port", &443), ("", &"unnamed"), ("user", &spoa::spop::Value::Null)];
/// # assert_eq!(args.len(), 4);
/// ```
pub type CallArgs<'a> = [(&'a str, &'a dyn AsValue)];

/// How many bytes the pipe between the two ends holds.
const PIPE: usize = 64 << 10;

/// An agent that tests call.
///
/// Every call has its own connection, so calls may run at the same time, and one agent may
/// serve any number of tests.
#[derive(Debug)]
pub struct TestAgent {
    agent: Agent,
    failures: Failures,
    connections: AtomicU64,
    max_frame_size: u32,
}

/// The failures of calls that go on, by the engine-ids of their connections.
type Failures = Arc<Mutex<HashMap<String, Vec<MessageFailure>>>>;

impl TestAgent {
    /// Makes an agent of these handlers, without state.
    ///
    /// # Panics
    /// If they do not make an agent: two answer one message, or one takes a state.
    #[track_caller]
    #[must_use]
    pub fn new(handlers: impl IntoIterator<Item = &'static Definition>) -> Self {
        match TestAgent::build(Agent::builder().handlers(handlers)) {
            Ok(agent) => agent,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes an agent as [`Agent::builder`] describes it: with state, limits, `on_failure`. It does not listen,
    /// whatever the builder was told.
    ///
    /// ```
    /// use spoa::prelude::*;
    /// use spoa::State;
    /// use spoa::agent::Agent;
    /// use spoa::testing::TestAgent;
    ///
    /// struct Db(u32);
    ///
    /// #[spoe_message("count")]
    /// fn count(State(db): State<'_, Db>) -> SetVar<u32> {
    ///     SetVar::transaction("count", db.0)
    /// }
    ///
    /// let agent = TestAgent::build(Agent::builder().handlers(handlers![count]).state(Db(7)))?;
    /// assert_eq!(agent.call_blocking("count", &[]).unwrap().get("txn.count"), Some(7));
    /// # Ok::<(), spoa::agent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`AgentBuilder::build`].
    pub fn build(builder: AgentBuilder) -> Result<Self, agent::Error> {
        let failures = Failures::default();
        let seen = Arc::clone(&failures);
        let agent = builder.observe(move |failed| keep(&seen, failed)).build()?;
        Ok(TestAgent {
            agent,
            failures,
            connections: AtomicU64::new(0),
            max_frame_size: 16380,
        })
    }

    /// Sets the largest frame that the engine offers, in bytes; at least 256. The default is that of HAProxy, 16380.
    #[must_use]
    pub fn max_frame_size(mut self, bytes: u32) -> Self {
        self.max_frame_size = bytes;
        self
    }

    /// Sends one message and waits for its answer, however long that takes.
    ///
    /// # Errors
    /// A [`CallError`] if no handler answers the message, or it cannot be sent. A handler that fails is not an
    /// error: HAProxy gets its ACK, and [`Answer::failures`] says why it is empty.
    pub async fn call(&self, message: &str, args: &CallArgs<'_>) -> Result<Answer, CallError> {
        self.notify(&[(message, args)]).await
    }

    /// Sends one message and waits for its answer, for tests that are not async: it has a runtime of
    /// its own. It waits for the work of [`After`](crate::After) as well, for
    /// [`Limits::drain_timeout`](crate::agent::Limits::drain_timeout) at most.
    ///
    /// # Errors
    /// As [`TestAgent::call`].
    ///
    /// # Panics
    /// Within a runtime, as in a `#[tokio::test]`: write `agent.call(…).await` there.
    #[track_caller]
    pub fn call_blocking(&self, message: &str, args: &CallArgs<'_>) -> Result<Answer, CallError> {
        assert!(
            tokio::runtime::Handle::try_current().is_err(),
            "`call_blocking` starts a runtime of its own, and there is one already: write \
             `agent.call(\"{message}\", …).await`"
        );
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime of one thread needs no more than a few file descriptors")
            .block_on(async {
                let answer = self.call(message, args).await;
                // The work would end with the runtime.
                let limit = self.agent.limits().drain_timeout;
                let _ = tokio::time::timeout(limit, self.after_work_done()).await;
                answer
            })
    }

    /// Waits until no work of [`After`](crate::After) is left.
    pub async fn after_work_done(&self) {
        self.agent.monitor().after_work_done().await;
    }

    /// Sends several messages in one NOTIFY, as HAProxy does with those of one event or one group.
    ///
    /// # Errors
    /// As [`TestAgent::call`], for any of the messages.
    pub async fn notify(&self, messages: &[(&str, &CallArgs<'_>)]) -> Result<Answer, CallError> {
        for (message, _) in messages {
            self.check(message)?;
        }
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let engine_id = format!("test-{number}");
        let pending = CallFailures {
            failures: &self.failures,
            engine_id: &engine_id,
        };
        pending.begin();
        let client = self.client(|options| options.engine_id(&engine_id)).await?;
        let ack = client
            .notify(|notify| {
                for (message, args) in messages {
                    let args: Vec<(&str, Value<'_>)> = args
                        .iter()
                        .map(|(name, value)| (*name, value.as_value()))
                        .collect();
                    notify.message(message, &args);
                }
            })
            .await?;
        Ok(Answer {
            ack,
            failures: pending.end(),
        })
    }

    /// Makes a client with a connection of its own, for tests of what HAProxy's engine does beyond sending
    /// one NOTIFY: many at a time, the graceful close. Failures of handlers are not kept for it.
    ///
    /// ```
    /// # use spoa::prelude::*;
    /// # use spoa::testing::TestAgent;
    /// # #[spoe_message("ping")] fn ping() {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), spoa::client::Error> {
    /// let client = TestAgent::new(handlers![ping]).connect().await?;
    /// let (a, b) = tokio::try_join!(client.send("ping", &[]), client.send("ping", &[]))?;
    /// assert_ne!(a.ids, b.ids);
    /// client.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::over`].
    pub async fn connect(&self) -> Result<Client, ClientError> {
        self.client(|options| options).await
    }

    /// Returns the handlers of the agent.
    pub fn handlers(&self) -> impl Iterator<Item = &'static Definition> + '_ {
        self.agent.handlers()
    }

    async fn client(
        &self,
        options: impl FnOnce(ClientOptions) -> ClientOptions,
    ) -> Result<Client, ClientError> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        // It ends with the client's end of the pipe.
        tokio::spawn(self.agent.serve_connection(theirs, Peer::Memory, pending()));
        let defaults = Client::options()
            .max_frame_size(self.max_frame_size)
            .ack_timeout(Duration::MAX);
        options(defaults).over(ours).await
    }

    fn check(&self, message: &str) -> Result<(), CallError> {
        match others(message, self.agent.handlers()) {
            None => Ok(()),
            Some(known) => Err(CallError::Unknown {
                message: message.to_owned(),
                known,
            }),
        }
    }
}

/// The failures of one call, forgotten when it ends or is dropped.
struct CallFailures<'a> {
    failures: &'a Failures,
    engine_id: &'a str,
}

impl CallFailures<'_> {
    fn begin(&self) {
        lock(self.failures).insert(self.engine_id.to_owned(), Vec::new());
    }

    fn end(&self) -> Vec<MessageFailure> {
        lock(self.failures)
            .remove(self.engine_id)
            .unwrap_or_default()
    }
}

impl Drop for CallFailures<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep(failures: &Failures, failed: &agent::FailedMessage<'_>) {
    let mut failures = lock(failures);
    let engine_id = failed.context().engine_id().unwrap_or_default();
    if let Some(failures) = failures.get_mut(engine_id) {
        failures.push(MessageFailure {
            message: failed.message_name().to_string(),
            failure: failed.failure().copied(),
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing is left half done by a panic under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
