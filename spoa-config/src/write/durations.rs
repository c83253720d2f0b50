//! The durations in the files, and how they are written.

use crate::Agent;
use spoa_facts::show_time;
use std::time::Duration;

/// The shortest `timeout processing`.
const PROCESSING: Duration = Duration::from_millis(500);

/// The time that a client may take for a body.
pub(super) const REQUEST_BODY: &str = "10s";

/// The time that a server may take for a body. HAProxy wants a time, and answers with 504 after it: this one is so long
/// that the `timeout server` of the site decides instead.
pub(super) const RESPONSE_BODY: &str = "1h";

/// Returns `timeout processing`: longer than any handler may take, so that the agent itself reports a late
/// handler and answers the other messages of the NOTIFY.
pub(super) fn processing(agent: &Agent) -> Duration {
    let timeouts = agent.messages.iter().filter_map(|it| it.timeout);
    let longest = timeouts.max().unwrap_or_default();
    let margin = (longest / 2).max(Duration::from_millis(100));
    PROCESSING.max(longest + margin)
}

/// Returns a time as `config` writes it: rounded up to whole milliseconds.
pub(super) fn time(time: Duration) -> String {
    let millis = time.as_micros().div_ceil(1000);
    show_time(Duration::from_millis(
        u64::try_from(millis).unwrap_or(u64::MAX),
    ))
}
