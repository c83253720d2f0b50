//! The CPU time and the memory of a process, from the system (Linux).

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// `USER_HZ`: what /proc counts CPU time in. It is part of Linux' interface, whatever the kernel's
/// own clock.
const TICK: Duration = Duration::from_millis(10);

/// A process that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pid: u32,
}

/// The CPU time a process had taken at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu {
    user: Duration,
    system: Duration,
    /// Nanoseconds of each running thread.
    threads: BTreeMap<u32, u64>,
}

/// CPU time between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) total: Duration,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// The memory a process holds now, in KiB, and its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// The peak.
    pub(crate) peak: u64,
    pub(crate) threads: u64,
}

impl Process {
    /// A process by its id.
    pub(crate) fn new(pid: u32) -> Result<Self, Failure> {
        let process = Process { pid };
        match (process.cpu(), cfg!(target_os = "linux")) {
            (Some(_), _) => Ok(process),
            (None, true) => Err(Failure::usage(format!(
                "there is no process {pid} on this machine; give `--pid` the id of the agent's process"
            ))),
            (None, false) => Err(Failure::usage("`--pid` needs Linux' /proc; leave it out")),
        }
    }

    /// This program.
    pub(crate) fn own() -> Self {
        Process {
            pid: std::process::id(),
        }
    }

    pub(crate) fn pid(self) -> u32 {
        self.pid
    }

    /// `None` if it is gone.
    pub(crate) fn cpu(self) -> Option<Cpu> {
        let (user, system) = ticks(&self.read("stat")?)?;
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).ok()?;
        let threads = tasks.flatten().filter_map(|task| {
            let id = task.file_name().to_str()?.parse().ok()?;
            let line = fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((id, line.split_whitespace().next()?.parse().ok()?))
        });
        Some(Cpu {
            user,
            system,
            threads: threads.collect(),
        })
    }

    /// `None` if it is gone.
    pub(crate) fn memory(self) -> Option<Memory> {
        memory(&self.read("status")?)
    }

    fn read(self, file: &str) -> Option<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.pid)).ok()
    }
}

impl Cpu {
    /// The CPU time since an earlier moment.
    pub(crate) fn since(&self, before: &Cpu) -> Spent {
        let user = self.user.saturating_sub(before.user);
        let system = self.system.saturating_sub(before.system);
        Spent {
            total: self.precise(before).unwrap_or(user + system),
            user,
            system,
        }
    }

    /// The scheduler's own count, far finer than ticks; it misses threads that ended in between.
    fn precise(&self, before: &Cpu) -> Option<Duration> {
        let gone = |id| !self.threads.contains_key(id);
        if self.threads.is_empty() || before.threads.keys().any(gone) {
            return None;
        }
        let spent = |(id, now): (&u32, &u64)| {
            let then = before.threads.get(id).copied().unwrap_or_default();
            now.saturating_sub(then)
        };
        Some(Duration::from_nanos(self.threads.iter().map(spent).sum()))
    }
}

/// User and system time from a line of /proc/PID/stat.
fn ticks(stat: &str) -> Option<(Duration, Duration)> {
    // The command's name may hold spaces and brackets: fields are counted from its last bracket on.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut time = || Some(TICK * fields.next()?.parse::<u32>().ok()?);
    Some((time()?, time()?))
}

fn memory(status: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Memory {
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        threads: field("Threads:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_are_read_after_any_process_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 30 0 0 20 0 1 0 1 1 1";
        let expected = (Duration::from_millis(2500), Duration::from_millis(300));
        assert_eq!(ticks(stat), Some(expected));
    }

    #[test]
    fn memory_is_read_by_name() {
        let status = "Name:\tagent\nVmHWM:\t    9000 kB\nVmRSS:\t    8000 kB\nThreads:\t3\n";
        let expected = Memory {
            resident: 8000,
            peak: 9000,
            threads: 3,
        };
        assert_eq!(memory(status), Some(expected));
        assert_eq!(memory("Name:\tkthread\n"), None);
    }

    #[test]
    fn the_schedulers_count_is_used_while_no_thread_ends() {
        let cpu = |ticks: u64, threads: &[(u32, u64)]| Cpu {
            user: Duration::from_millis(ticks),
            system: Duration::ZERO,
            threads: threads.iter().copied().collect(),
        };
        let before = cpu(10, &[(1, 100), (2, 50)]);
        let nanos = |after: Cpu| after.since(&before).total.as_nanos();
        assert_eq!(nanos(cpu(40, &[(1, 300), (2, 50), (3, 7)])), 207);
        assert_eq!(nanos(cpu(40, &[(1, 300)])), 30_000_000);
    }

    #[test]
    fn a_missing_process_is_reported() {
        let error = Process::new(u32::MAX).unwrap_err();
        assert!(error.to_string().contains("`--pid`"), "{error}");
    }
}
