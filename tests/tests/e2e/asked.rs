//! Keeps the tokens of the messages that agents get, and tells which ones HAProxy never sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spoa::State;
use spoa::prelude::*;
use spoa_tests::{Exchange, Haproxy};

/// Answers with the token it is given, and keeps it.
#[spoe_message("echo", set = "txn.echo")]
pub(crate) fn kept(token: &str, State(asked): State<'_, Asked>) -> String {
    asked.keep(token);
    token.to_owned()
}

/// The tokens that agents were asked about, in order; shared by the agents, as their state, and the test.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    /// For a handler: keeps a token.
    pub(crate) fn keep(&self, token: &str) {
        self.lock().push(token.to_owned());
    }

    /// Returns the number of tokens so far.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns the tokens after the first `count`.
    pub(crate) fn after(&self, count: usize) -> Vec<String> {
        self.lock()[count..].to_vec()
    }

    /// Returns whether HAProxy kept a NOTIFY in its queue until its time was over, and sent it to none of the agents.
    ///
    /// Up to 3.0, HAProxy now and then forgets what is in its queue when the last connection of a thread ends, whatever
    /// the agent does.
    pub(crate) fn stayed_in_the_queue(&self, haproxy: &Haproxy, exchange: &Exchange) -> bool {
        let timed_out = exchange.var("txn.iprep.error") == Some("1");
        timed_out && !haproxy.at_least(3, 1) && !self.lock().contains(&exchange.path)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
