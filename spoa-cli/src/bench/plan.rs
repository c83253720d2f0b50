//! The plan of a run: the messages, how they are sent, and the answers they must have.

use super::tally::Fault;
use crate::expectation::Expectation;
use crate::transport::Target;
use spoa::client::OwnedValue;
use spoa::spop::{ActionIter, DecodeError, NotifyWriter, Value};
use std::time::Duration;

/// The plan of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) connections: usize,
    /// NOTIFYs in flight on each connection.
    pub(super) in_flight: usize,
    /// NOTIFYs a second in all; `None` sends the next when the last is answered.
    pub(super) rate: Option<f64>,
    pub(super) threads: usize,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
    /// How long to wait for a HELLO, and at the end for the last ACKs.
    pub(super) patience: Duration,
    pub(super) max_frame_size: u32,
    /// Only hold the connections.
    pub(super) idle: bool,
    /// The names of the messages of a NOTIFY.
    pub(super) messages: Vec<String>,
    /// The payload of every NOTIFY.
    pub(super) payload: Vec<u8>,
    pub(super) expectations: Vec<Expectation>,
}

/// A message of every NOTIFY.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BenchMessage {
    pub(super) name: String,
    pub(super) args: Vec<(String, OwnedValue)>,
}

impl BenchMessage {
    /// The payload of a NOTIFY with these messages.
    pub(super) fn payload(messages: &[BenchMessage]) -> Vec<u8> {
        let mut payload = Vec::new();
        let mut writer = NotifyWriter::new(&mut payload);
        for message in messages {
            let args: Vec<(&str, Value<'_>)> = message
                .args
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_value()))
                .collect();
            writer.message(&message.name, &args);
        }
        payload
    }
}

/// The fault in the actions of an ACK.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wrong<'e> {
    /// They cannot be read.
    Malformed(DecodeError),
    /// A variable is not as expected.
    Unexpected(&'e Expectation),
}

/// Judges answers, most of which are the same bytes over and over.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The last actions that were as expected.
    good: Vec<u8>,
    /// The number of those actions, if there were any.
    count: Option<u64>,
}

impl Judge {
    /// Returns the number of actions of an ACK, and their fault; the expectations are always the
    /// same.
    #[inline]
    pub(super) fn judge<'e>(
        &mut self,
        actions: &ActionIter<'_>,
        expectations: &'e [Expectation],
    ) -> (u64, Option<Wrong<'e>>) {
        let payload = actions.payload();
        if let Some(count) = self.count.filter(|_| self.good == payload) {
            return (count, None);
        }
        let (count, wrong) = judge(actions, expectations);
        if wrong.is_none() {
            self.good.clear();
            self.good.extend_from_slice(payload);
            self.count = Some(count);
        }
        (count, wrong)
    }
}

/// Reads the actions of an ACK, and compares them with the expectations.
fn judge<'e>(
    actions: &ActionIter<'_>,
    expectations: &'e [Expectation],
) -> (u64, Option<Wrong<'e>>) {
    let mut count = 0;
    for action in actions.clone() {
        if let Err(error) = action {
            return (count, Some(Wrong::Malformed(error)));
        }
        count += 1;
    }
    for expectation in expectations {
        if !expectation.is_met(expectation.value(actions.clone().flatten())) {
            return (count, Some(Wrong::Unexpected(expectation)));
        }
    }
    (count, None)
}

impl Wrong<'_> {
    pub(super) fn fault(&self) -> Fault {
        match self {
            Wrong::Malformed(_) => Fault::Malformed,
            Wrong::Unexpected(_) => Fault::Unexpected,
        }
    }

    /// Returns the expected value, and the actual one.
    pub(super) fn words(&self, actions: &ActionIter<'_>) -> String {
        let expectation = match self {
            Wrong::Malformed(error) => return error.to_string(),
            Wrong::Unexpected(expectation) => expectation,
        };
        let said: Vec<String> = actions
            .clone()
            .flatten()
            .map(|action| format!("`{action}`"))
            .collect();
        let said = if said.is_empty() {
            "no action".to_owned()
        } else {
            said.join(", ")
        };
        format!("expected `{expectation}`, got {said}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::spop::{Action, Scope};

    fn actions(list: &[(&str, Value<'_>)]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (name, value) in list {
            Action::SetVar {
                scope: Scope::Session,
                name: (*name).into(),
                value: *value,
            }
            .encode(&mut payload);
        }
        payload
    }

    /// Returns the number of actions, and their fault.
    fn judged(expected: &[&str], payload: &[u8]) -> (u64, Option<String>) {
        let expectations: Vec<_> = expected
            .iter()
            .map(|text| Expectation::parse(text).unwrap())
            .collect();
        let actions = ActionIter::new(payload);
        let mut judge = Judge::default();
        let judged = judge.judge(&actions, &expectations);
        assert_eq!(
            judge.judge(&actions, &expectations),
            judged,
            "a second time"
        );
        (judged.0, judged.1.map(|wrong| wrong.words(&actions)))
    }

    #[test]
    fn integers_are_compared_by_their_number() {
        let payload = actions(&[("score", Value::Uint32(20)), ("why", Value::from("list"))]);
        assert_eq!(judged(&[], &payload), (2, None));
        assert_eq!(
            judged(&["sess.score=20", "sess.why=list"], &payload),
            (2, None)
        );
    }

    #[test]
    fn the_last_action_on_a_variable_counts() {
        let payload = actions(&[("score", Value::Int64(1)), ("score", Value::Int64(2))]);
        assert_eq!(judged(&["sess.score=2"], &payload), (2, None));
        let said = "expected `sess.score = 1`, got `set-var sess.score = 1`, \
                    `set-var sess.score = 2`";
        assert_eq!(
            judged(&["sess.score=1"], &payload),
            (2, Some(said.to_owned()))
        );
        let said = "expected `txn.score = 2`, got no action";
        assert_eq!(judged(&["txn.score=2"], &[]), (0, Some(said.to_owned())));
    }

    #[test]
    fn actions_that_cannot_be_read_are_malformed() {
        let mut payload = actions(&[("score", Value::Int64(1))]);
        payload.extend([9, 9, 9]);
        let said = "an action of code 9 with that form is not known".to_owned();
        assert_eq!(judged(&[], &payload), (1, Some(said)));
    }
}
