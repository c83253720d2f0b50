//! State that renews itself: reloads of a value by a file change or a time, in addition to SIGHUP.

mod places;
mod watch;

use super::reload::{ReloadPart, Reloader};
use crate::log_target::AGENT;
use crate::text::one_line;
use std::fmt;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use watch::{FileState, Watch};

/// When a reloadable value is made again while the agent serves: every so often, or when files change.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::State;
/// use spoa::agent::{Agent, Renewal};
/// use std::io;
/// use std::time::Duration;
///
/// struct Rules(String);
///
/// # #[spoe_message("check")] fn check(State(rules): State<'_, Rules>) {}
/// # async fn agent() -> Result<(), Box<dyn std::error::Error>> {
/// let renewal = Renewal::new().every(Duration::from_secs(600)).watch("rules.txt");
/// let agent = Agent::builder()
///     .handlers(handlers![check])
///     .renewed(renewal, || async { io::Result::Ok(Rules(std::fs::read_to_string("rules.txt")?)) })
///     .await?
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// Only this value is made again, not the others. If it cannot be made, the old one is kept, and the log says so
/// once until it can be made again.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Renewal {
    every: Option<Duration>,
    /// The files, as they were before the value was made.
    files: Vec<(PathBuf, FileState)>,
}

impl Renewal {
    /// Makes a renewal that never happens.
    pub fn new() -> Self {
        Renewal::default()
    }

    /// Makes the value again this long after it was last made, or could not be made. `None` and zero are never.
    pub fn every(mut self, every: impl Into<Option<Duration>>) -> Self {
        self.every = every.into().filter(|every| !every.is_zero());
        self
    }

    /// Makes the value again when this file changes, or an entry of this directory. The file may be replaced by
    /// another one of its name, as editors do, and its path may have symbolic links that change, as in a
    /// Kubernetes ConfigMap. It may be called once for each file.
    pub fn watch(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let state = FileState::of(&path);
        self.files.push((path, state));
        self
    }

    /// Returns the files that are watched.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Returns whether the value is never renewed.
    pub(super) fn is_never(&self) -> bool {
        self.every.is_none() && self.files.is_empty()
    }
}

/// Renews a part of an agent for as long as it is polled.
pub(super) async fn renew(reloader: Reloader, part: Arc<ReloadPart>, renewal: Renewal) {
    let Renewal { every, files } = renewal;
    let mut watch = (!files.is_empty()).then(|| Watch::new(files));
    let mut failures = 0_u64;
    loop {
        let because = tokio::select! {
            () = after(every) => Because::Time,
            path = changed(&mut watch) => Because::Change(path),
        };
        match reloader.renew(&part).await {
            Ok(took) => {
                let after = after_failures(failures);
                let name = part.name();
                if failures == 0 && matches!(because, Because::Time) {
                    tracing::debug!(target: AGENT, "reloaded in {took:?}: `{name}`");
                } else {
                    tracing::info!(target: AGENT, "{because}reloaded in {took:?}{after}: `{name}`");
                }
                failures = 0;
            }
            Err(error) => {
                let text = error.to_string();
                let text = one_line(&text);
                failures += 1;
                // An outage of whatever the value comes from is one line, unless a change is the cause.
                if failures == 1 || matches!(because, Because::Change(_)) {
                    tracing::error!(target: AGENT, "{because}reload failed, the old value is kept: {text}");
                } else {
                    tracing::debug!(target: AGENT, "reload failed {failures} times in a row: {text}");
                }
            }
        }
    }
}

/// Says how many failures came before a success.
fn after_failures(failures: u64) -> String {
    match failures {
        0 => String::new(),
        1 => " after 1 failure".to_owned(),
        more => format!(" after {more} failures"),
    }
}

/// Why a value is made again.
enum Because {
    Time,
    Change(PathBuf),
}

/// Writes the beginning of a log line.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Time => Ok(()),
            Because::Change(path) => {
                write!(f, "{} changed: ", one_line(&path.display().to_string()))
            }
        }
    }
}

async fn after(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => pending().await,
    }
}

async fn changed(watch: &mut Option<Watch>) -> PathBuf {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_failures_in_english_and_names_the_file() {
        let counted: Vec<_> = (0..3).map(after_failures).collect();
        assert_eq!(counted, ["", " after 1 failure", " after 2 failures"]);
        assert_eq!(Because::Time.to_string(), "");
        let because = Because::Change("/etc/ru\nles".into());
        assert_eq!(because.to_string(), "/etc/ru\\nles changed: ");
    }
}
