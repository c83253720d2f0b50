//! The folder that HAProxy is started in, and those that earlier processes could not remove.
//!
//! It must not know what is written there.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// What the names begin with; the number of the process follows.
const PREFIX: &str = "spoa-dev-";

/// A folder for as long as the value lives.
pub(super) fn make() -> io::Result<TempDir> {
    sweep(&std::env::temp_dir(), |process| {
        Path::new("/proc").join(process.to_string()).exists()
    });
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir()
}

/// Removes the folders of processes that were killed. What cannot be removed is somebody else's.
fn sweep(directory: &Path, runs: impl Fn(u32) -> bool) {
    if !runs(std::process::id()) {
        // Nobody can tell on this system.
        return;
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let stale = entries.filter(|entry| process(entry).is_some_and(|process| !runs(process)));
    for entry in stale {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// The process that made a folder.
fn process(entry: &DirEntry) -> Option<u32> {
    let name = entry.file_name();
    let (process, _) = name.to_str()?.strip_prefix(PREFIX)?.split_once('-')?;
    let folder = entry.file_type().ok()?.is_dir();
    process.parse().ok().filter(|_| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_have_ended_are_removed() {
        let all = tempfile::tempdir().unwrap();
        let names = ["spoa-dev-7-a", "spoa-dev-8-b", "spoa-dev-x", "other-7-a"];
        for name in names {
            fs::create_dir(all.path().join(name)).unwrap();
        }
        let own = std::process::id();
        sweep(all.path(), |process| process == own || process == 8);
        let left = names.map(|name| all.path().join(name).exists());
        assert_eq!(left, [false, true, true, true]);
        sweep(all.path(), |_| false);
        assert!(all.path().join("spoa-dev-8-b").exists());
    }
}
