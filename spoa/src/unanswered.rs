//! Messages that no handler answers.

use crate::handler::Definition;
use spoa_facts::nearest;
use std::fmt;

/// A message that an agent does not answer.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered<'a> {
    pub(crate) message: &'a str,
    /// The messages that the agent answers.
    pub(crate) known: &'a [&'static str],
}

/// Returns the messages that handlers answer, unless they answer this one.
pub(crate) fn others(
    message: &str,
    handlers: impl Iterator<Item = &'static Definition>,
) -> Option<Vec<&'static str>> {
    let mut known = Vec::new();
    for handler in handlers {
        match handler.message_name() {
            None => return None,
            Some(name) if name == message => return None,
            Some(name) => known.push(name),
        }
    }
    Some(known)
}

impl fmt::Display for Unanswered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.known.join("`, `");
        write!(f, "no handler for message `{}`: ", self.message)?;
        match nearest(self.message, self.known.iter().copied()) {
            Some(meant) => write!(f, "did you mean `{meant}`? This agent answers `{list}`"),
            None => write!(f, "this agent answers `{list}`"),
        }
    }
}
