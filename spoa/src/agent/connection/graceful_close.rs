//! When to close a connection that is in use.
//!
//! A NOTIFY that crosses the AGENT-DISCONNECT costs its stream an error, and no frame asks HAProxy to stop
//! sending. But HAProxy sends at most 20 NOTIFYs without an answer on a connection, one without
//! pipelining, and a stream that waits for an answer sends nothing else. So the last answers are held
//! back until nothing is in flight and nothing has come for 5 ms, and leave in one write with the
//! AGENT-DISCONNECT.

use std::time::Duration;
use tokio::time::Instant;

/// The quiet time to wait for while answers are held back.
const SETTLED: Duration = Duration::from_millis(5);

/// The quiet time to wait for while no stream waits.
const IDLE: Duration = Duration::from_millis(100);

/// The quiet time, in both directions, to wait for while there is time for a better moment.
const CALM: Duration = Duration::from_millis(50);

/// How long answers are held back at first. Each failed attempt doubles it. A connection whose
/// handlers always overlap closes once it is longer than they take.
const HOLD: Duration = Duration::from_millis(20);

/// The longest that answers are held back: up to twice what the handlers take, so that `timeout
/// processing` in spoe.conf has room for it.
const MAX_HOLD: Duration = Duration::from_millis(640);

/// The limit on the bytes held back. A HAProxy never has more answers outstanding.
const MAX_HELD: usize = 64 << 10;

/// The answers held back on one connection that is to close, and the waits for a quiet moment.
#[derive(Debug)]
pub(crate) struct GracefulClose {
    held: Vec<u8>,
    hold: Duration,
    hold_until: Option<Instant>,
    release: bool,
    quiet_until: Option<Instant>,
    quiet: bool,
    patient_until: Option<Instant>,
}

impl GracefulClose {
    /// Begins a close that holds nothing back before `patient_until`, if there is such a time: by then the
    /// connection may have fallen quiet by itself.
    pub(crate) fn new(patient_until: Option<Instant>) -> Self {
        GracefulClose {
            held: Vec::new(),
            hold: HOLD,
            hold_until: None,
            release: false,
            quiet_until: None,
            quiet: false,
            patient_until,
        }
    }

    /// Ends the time in which nothing is held back.
    pub(crate) fn hurry(&mut self) {
        if self.patient_until.take().is_some() {
            self.disturb();
        }
    }

    /// Begins the wait for a quiet moment again, since something came.
    pub(crate) fn disturb(&mut self) {
        self.quiet_until = None;
        self.quiet = false;
    }

    /// Takes answers that are not to leave yet.
    pub(crate) fn hold(&mut self, answers: &mut Vec<u8>) {
        if answers.is_empty() {
            return;
        }
        if self.patient_until.is_some() {
            self.disturb();
            return;
        }
        self.held.append(answers);
        self.hold_until
            .get_or_insert_with(|| Instant::now() + self.hold);
        self.release |= self.held.len() > MAX_HELD;
    }

    /// Returns whether answers are held back.
    pub(crate) fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns how many bytes of memory it keeps.
    pub(crate) fn kept(&self) -> usize {
        self.held.capacity()
    }

    /// Gives back the answers that were held for too long.
    pub(crate) fn release(&mut self, into: &mut Vec<u8>) {
        if std::mem::take(&mut self.release) {
            self.hold = (self.hold * 2).min(MAX_HOLD);
            self.give(into);
            // A stream that gets an answer now may ask again.
            self.disturb();
        }
    }

    /// Gives back all answers, before those in `before`.
    pub(crate) fn give(&mut self, before: &mut Vec<u8>) {
        self.hold_until = None;
        if !self.held.is_empty() {
            self.held.append(before);
            std::mem::swap(before, &mut self.held);
        }
    }

    /// Returns whether nothing has come for long enough. Otherwise the wait for that begins.
    pub(crate) fn is_quiet(&mut self, in_flight: bool) -> bool {
        if !self.quiet && self.quiet_until.is_none() {
            let length = if self.patient_until.is_some() {
                CALM
            } else if in_flight || !self.held.is_empty() {
                SETTLED
            } else {
                IDLE
            };
            self.quiet_until = Some(Instant::now() + length);
        }
        self.quiet
    }

    /// Returns when [`expire`](GracefulClose::expire) is to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.hold_until, self.quiet_until, self.patient_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// Ends the waits that are over by `now`.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.hold_until.take_if(|until| *until <= now).is_some() {
            self.release = true;
        }
        if self.patient_until.is_some_and(|until| until <= now) {
            self.hurry();
        }
        if self.quiet_until.take_if(|until| *until <= now).is_some() {
            self.quiet = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Advances the time to the next deadline; returns by how much.
    fn pass(closing: &mut GracefulClose, now: &mut Instant) -> Duration {
        let due = closing.due().expect("something is due");
        closing.expire(due);
        let passed = due.saturating_duration_since(*now);
        *now = due;
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_quiet_after_100_ms() {
        let (mut closing, mut now) = (GracefulClose::new(None), Instant::now());
        assert!(!closing.is_quiet(false));
        assert_eq!(pass(&mut closing, &mut now), IDLE);
        assert!(closing.is_quiet(false));
        closing.disturb();
        assert!(!closing.is_quiet(false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_held_answers_counts_as_quiet_sooner() {
        let (mut closing, mut now) = (GracefulClose::new(None), Instant::now());
        closing.hold(&mut b"ack".to_vec());
        assert!(!closing.is_quiet(false));
        assert_eq!(pass(&mut closing, &mut now), SETTLED);
        assert!(closing.is_quiet(false));
        let mut out = Vec::new();
        closing.give(&mut out);
        assert_eq!(out, b"ack");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_held_back_for_longer_each_time_up_to_a_limit() {
        let (mut closing, mut now) = (GracefulClose::new(None), Instant::now());
        for times in [1, 2, 4, 8, 16, 32, 32] {
            closing.hold(&mut b"ack".to_vec());
            assert_eq!(closing.due(), Some(Instant::now() + HOLD * times));
            closing.expire(Instant::now() + HOLD * times);
            let mut out = Vec::new();
            closing.release(&mut out);
            assert_eq!(out, b"ack");
            assert_eq!(closing.due(), None);
        }
        // A stream that got an answer may ask again.
        assert!(!closing.is_quiet(true));
        assert_eq!(pass(&mut closing, &mut now), SETTLED);
    }
}
