//! One agent for all messages of a key, by a hash in the backend of the agents.

use super::options::{Options, Refusal};
use crate::Series;
use spoa_facts::{Event, Expression};

/// A key, and how it reaches the backend of the agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sticky {
    /// The line of the frontend that keeps the key.
    pub(super) rule: String,
    /// The variable as the backend of the agents reads it.
    pub(super) variable: String,
    /// Whether all messages come after the rule.
    pub(super) by_session: bool,
}

impl Sticky {
    /// Returns the key of `--sticky`, if there is one.
    ///
    /// # Errors
    /// A refusal if HAProxy of the series cannot do it, or does not have the sample in time.
    pub(super) fn new(options: &Options, prefix: &str) -> Result<Option<Self>, Refusal> {
        let Some(sample) = &options.sticky else {
            return Ok(None);
        };
        if options.series < Series::V3_2 {
            return Err(Refusal::StickyTooOld);
        }
        let refused = |reason: String| Refusal::Sticky {
            sample: sample.clone(),
            reason,
        };
        let parsed = Expression::parse(sample).map_err(|problem| refused(problem.to_string()))?;
        let checked = parsed.check(options.series);
        let checked = checked.map_err(|problem| refused(problem.to_string()))?;
        // `PREFIX.…` would be a variable of the agent.
        let name = format!("{prefix}_sticky");
        if checked.at(Event::ClientSession) {
            return Ok(Some(Sticky {
                rule: format!("tcp-request session set-var(sess.{name}) {sample}"),
                variable: format!("psess.{name}"),
                by_session: true,
            }));
        }
        if !checked.at(Event::FrontendTcpRequest) {
            let reason = "HAProxy does not have it when a request comes".to_owned();
            return Err(refused(reason));
        }
        Ok(Some(Sticky {
            rule: format!("tcp-request content set-var(txn.{name}) {sample}"),
            variable: format!("ptxn.{name}"),
            by_session: false,
        }))
    }
}
