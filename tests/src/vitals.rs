//! Reads the memory, files and threads of a process from the system.

use std::fs;
use std::thread;
use std::time::Duration;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// The memory it has, in bytes (`VmRSS`).
    pub memory: u64,
    /// The most it ever had, in bytes (`VmHWM`).
    pub peak: u64,
    /// Its open file descriptors.
    pub files: u64,
    /// Its threads.
    pub threads: u64,
}

impl Vitals {
    /// Reads the figures of the process with this id, and panics if it has ended.
    pub fn of(process: u32) -> Vitals {
        let status = fs::read_to_string(format!("/proc/{process}/status"));
        let status = status.unwrap_or_else(|error| panic!("process {process} is gone: {error}"));
        let number = |name: &str| -> u64 {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
            number.unwrap_or_else(|| panic!("process {process} does not say its `{name}`"))
        };
        let files = fs::read_dir(format!("/proc/{process}/fd"));
        Vitals {
            memory: number("VmRSS:") << 10,
            peak: number("VmHWM:") << 10,
            files: files.map_or(0, |files| files.count() as u64),
            threads: number("Threads:"),
        }
    }
}

/// Asserts that the threads of a process go to sleep at most `most` times while they are watched.
///
/// If they do more often, it watches again, up to four times: the start of the process may not be over, and a pause of the
/// machine makes the time longer. A process that wakes by itself does so each time.
#[track_caller]
pub fn assert_few_switches(process: u32, most: u64, watched: Duration) {
    let mut counts = Vec::new();
    while counts.len() < 4 {
        // Its start may take a moment to end.
        thread::sleep(Duration::from_secs(1));
        let before = voluntary_switches(process);
        thread::sleep(watched);
        counts.push(voluntary_switches(process) - before);
        println!("{counts:?} voluntary context switches in {watched:?}");
        if counts.last().is_some_and(|count| *count <= most) {
            return;
        }
    }
    panic!("{counts:?} voluntary context switches in {watched:?} each, at most {most} may be");
}

/// Returns how often the threads of a process have gone to sleep so far
/// (`voluntary_ctxt_switches`); panics if it has ended.
fn voluntary_switches(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.unwrap_or_else(|error| panic!("process {process} is gone: {error}"));
    // A thread may end meanwhile.
    let statuses = threads
        .flatten()
        .flat_map(|thread| fs::read_to_string(thread.path().join("status")));
    let count = |status: String| -> Option<u64> {
        let line = |line: &str| {
            let count = line.strip_prefix("voluntary_ctxt_switches:")?;
            count.trim().parse().ok()
        };
        status.lines().find_map(line)
    };
    statuses.filter_map(count).sum()
}

/// Bytes as MiB, for people.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::{Vitals, mib};

    #[test]
    fn the_vitals_are_those_of_the_process() {
        let me = std::process::id();
        let before = Vitals::of(me);
        assert!(before.memory > 1 << 20 && before.peak >= before.memory && before.threads > 0);
        let filled = vec![1_u8; 64 << 20];
        let files: Vec<_> = (0..200).map(|_| File::open("/proc/self/status")).collect();
        let after = Vitals::of(me);
        assert!(
            after.memory > before.memory + (32 << 20),
            "{before:?} {after:?}"
        );
        assert!(after.files > before.files + 100, "{before:?} {after:?}");
        drop((filled, files));
    }

    #[test]
    fn people_read_mib() {
        assert_eq!(mib(3 << 19), "1.5 MiB");
    }
}
