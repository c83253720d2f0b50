//! Wakes a thread of the generator at a moment.

use mio::{Registry, Token};
use std::io;
use std::time::Duration;

/// A clock finer than the one of `epoll_wait`, which counts milliseconds: a descriptor that can be
/// read when the time has come.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct Alarm {
    timer: nix::sys::timerfd::TimerFd,
    /// The moment it is set to.
    moment: Option<u64>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
        use std::os::fd::{AsFd, AsRawFd};
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let fd = timer.as_fd().as_raw_fd();
        let interest = mio::Interest::READABLE;
        registry.register(&mut mio::unix::SourceFd(&fd), token, interest)?;
        Ok(Alarm {
            timer,
            moment: None,
        })
    }

    /// Sets the moment at which the next wait ends; returns the limit on that wait
    /// for the caller.
    pub(super) fn set(&mut self, moment: u64, now: u64, most: Duration) -> Duration {
        use nix::sys::time::TimeSpec;
        use nix::sys::timerfd::{Expiration, TimerSetTimeFlags};
        let wait = Duration::from_nanos(moment.saturating_sub(now));
        if self.moment != Some(moment) {
            let expiration = Expiration::OneShot(TimeSpec::from_duration(wait));
            if self
                .timer
                .set(expiration, TimerSetTimeFlags::empty())
                .is_err()
            {
                return most.min(wait);
            }
            self.moment = Some(moment);
        }
        most
    }
}

/// Other systems wait for the whole time.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(super) fn new(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Alarm)
    }

    pub(super) fn set(&mut self, moment: u64, now: u64, most: Duration) -> Duration {
        most.min(Duration::from_nanos(moment.saturating_sub(now)))
    }
}
