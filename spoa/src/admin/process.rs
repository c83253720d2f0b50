//! Figures of the process, under the names that Prometheus' own client libraries use.

/// Figures of the process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// CPU time in user and system mode, in seconds.
    pub(super) cpu_seconds: f64,
    /// Memory in use, in bytes.
    pub(super) resident_bytes: u64,
    pub(super) open_fds: u64,
    pub(super) max_fds: u64,
    /// When it started, in seconds since 1970.
    pub(super) start_seconds: f64,
}

impl Process {
    /// Reads them; `None` where the system does not have them.
    #[cfg(target_os = "linux")]
    pub(super) fn read() -> Option<Self> {
        use procfs::WithCurrentSystemInfo;
        use procfs::process::{LimitValue, Process as Own};

        let own = Own::myself().ok()?;
        let stat = own.stat().ok()?;
        let ticks = procfs::ticks_per_second() as f64;
        let limits = own.limits().ok()?;
        let booted = procfs::boot_time_secs().ok()? as f64;
        Some(Process {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
            resident_bytes: stat.rss_bytes().get(),
            open_fds: own.fd_count().ok()? as u64,
            max_fds: match limits.max_open_files.soft_limit {
                LimitValue::Value(most) => most,
                LimitValue::Unlimited => u64::MAX,
            },
            start_seconds: booted + stat.starttime as f64 / ticks,
        })
    }

    /// Reads them; `None` where the system does not have them.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn read() -> Option<Self> {
        None
    }
}
