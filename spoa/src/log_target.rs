//! The targets of log lines. They are part of what the crate promises: the module that writes a line does not
//! matter to a filter.

/// The target of lines about the agent as a whole.
pub(crate) const AGENT: &str = "spoa";

/// The target of lines about one connection, or about one that was not accepted.
pub(crate) const CONNECTION: &str = "spoa::connection";

/// The target of lines about messages whose handler failed.
pub(crate) const FAILURES: &str = "spoa::failures";

/// The target of lines that show messages and answers with their values.
pub(crate) const VALUES: &str = "spoa::values";

/// The target of the spans around messages.
pub(crate) const SPANS: &str = "spoa::spans";

/// All targets.
#[cfg(feature = "run")]
pub(crate) const ALL: [&str; 5] = [AGENT, CONNECTION, FAILURES, SPANS, VALUES];
