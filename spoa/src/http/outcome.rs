//! The decision about a request or a response: pass it, deny it, redirect it.

use std::fmt;

/// The decision about a request or a response. [`Verdict::stricter`](super::Verdict::stricter) uses their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The request or response passes.
    Allow,
    /// The client is sent elsewhere.
    Redirect,
    /// The client gets a page of the site that it has to solve.
    Challenge,
    /// The client gets a response from the agent.
    Respond,
    /// The client gets an error.
    Deny,
    /// The client gets an error after HAProxy's `timeout tarpit`.
    Tarpit,
    /// The client gets nothing, and HAProxy forgets the connection.
    Drop,
}

impl Outcome {
    /// Returns the value of the variable `action`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Redirect => "redirect",
            Outcome::Challenge => "challenge",
            Outcome::Respond => "respond",
            Outcome::Deny => "deny",
            Outcome::Tarpit => "tarpit",
            Outcome::Drop => "drop",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
