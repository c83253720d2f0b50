//! When to say goodbye on a connection that is in use.
//!
//! It knows of time and of encoded answers, not of sockets or frames.
//!
//! A NOTIFY that crosses the goodbye costs its stream an error, and no frame asks HAProxy to stop
//! sending. But it sends no more than 20 without an answer on a connection, one without pipelining,
//! and whoever waits for an answer asks for nothing else. So the last answers are held back until
//! nothing is in flight and nothing has come for a moment, and leave in one write with the goodbye.

use std::time::Duration;
use tokio::time::Instant;

/// How long nothing must have come while answers are held back.
const SETTLED: Duration = Duration::from_millis(5);

/// How long nothing must have come while nobody waits.
const IDLE: Duration = Duration::from_millis(100);

/// How long nothing must have come or gone while there is time to wait for a better moment.
const CALM: Duration = Duration::from_millis(50);

/// How long answers are held back at first; each time it was in vain, the next is twice as long. A
/// connection whose handlers always overlap ends when it has become longer than they take.
const HOLD: Duration = Duration::from_millis(20);

/// The longest that answers are held back: up to twice what the handlers take, so that `timeout
/// processing` in spoe.conf has room for it, but not for ever.
const MAX_HOLD: Duration = Duration::from_millis(640);

/// The most bytes held back: no honest HAProxy has so many answers outstanding.
const MAX_HELD: usize = 64 << 10;

/// The end of one connection, once the agent is to stop. Until then it takes no memory: most of the
/// time, most connections are not at their end.
#[derive(Debug, Default)]
pub(crate) struct GracefulClose(Option<Box<CloseState>>);

#[derive(Debug)]
struct CloseState {
    held: Vec<u8>,
    hold: Duration,
    hold_until: Option<Instant>,
    release: bool,
    quiet_until: Option<Instant>,
    quiet: bool,
    patient_until: Option<Instant>,
}

impl Default for CloseState {
    fn default() -> Self {
        CloseState {
            held: Vec::new(),
            hold: HOLD,
            hold_until: None,
            release: false,
            quiet_until: None,
            quiet: false,
            patient_until: None,
        }
    }
}

impl GracefulClose {
    pub(crate) fn new() -> Self {
        GracefulClose::default()
    }

    /// Holds nothing back before `until`: by then the connection may have fallen quiet by itself.
    pub(crate) fn wait_until(&mut self, until: Instant) {
        self.begun().patient_until = Some(until);
        self.disturb();
    }

    /// There is no more time to wait.
    pub(crate) fn hurry(&mut self) {
        if let Some(state) = &mut self.0 {
            state.hurry();
        }
    }

    /// Something came.
    #[inline]
    pub(crate) fn disturb(&mut self) {
        if let Some(state) = &mut self.0 {
            state.disturb();
        }
    }

    /// Takes answers that are not to leave yet.
    pub(crate) fn hold(&mut self, answers: &mut Vec<u8>) {
        if !answers.is_empty() {
            self.begun().hold(answers);
        }
    }

    /// How many bytes it keeps.
    #[inline]
    pub(crate) fn kept(&self) -> usize {
        self.0.as_ref().map_or(0, |state| state.held.capacity())
    }

    /// Gives back the answers that were held for too long.
    pub(crate) fn release(&mut self, into: &mut Vec<u8>) {
        if let Some(state) = &mut self.0 {
            state.release(into);
        }
    }

    /// Gives back all answers, before what there is.
    pub(crate) fn give(&mut self, before: &mut Vec<u8>) {
        if let Some(state) = &mut self.0 {
            state.give(before);
        }
    }

    /// Whether nothing has come for long enough; otherwise it will be found out.
    pub(crate) fn is_quiet(&mut self, in_flight: bool) -> bool {
        self.begun().is_quiet(in_flight)
    }

    /// When [`expire`](GracefulClose::expire) is to be called.
    #[inline]
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.as_ref()?.due()
    }

    /// Notes what is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        if let Some(state) = &mut self.0 {
            state.expire(now);
        }
    }

    fn begun(&mut self) -> &mut CloseState {
        self.0.get_or_insert_default()
    }
}

impl CloseState {
    fn hurry(&mut self) {
        if self.patient_until.take().is_some() {
            self.disturb();
        }
    }

    fn disturb(&mut self) {
        self.quiet_until = None;
        self.quiet = false;
    }

    fn hold(&mut self, answers: &mut Vec<u8>) {
        if self.patient_until.is_some() {
            self.disturb();
        } else {
            self.held.append(answers);
            self.hold_until
                .get_or_insert_with(|| Instant::now() + self.hold);
            self.release |= self.held.len() > MAX_HELD;
        }
    }

    fn release(&mut self, into: &mut Vec<u8>) {
        if std::mem::take(&mut self.release) {
            self.hold = (self.hold * 2).min(MAX_HOLD);
            self.give(into);
            // Who gets an answer now may ask again.
            self.disturb();
        }
    }

    fn give(&mut self, before: &mut Vec<u8>) {
        self.hold_until = None;
        if !self.held.is_empty() {
            self.held.append(before);
            std::mem::swap(before, &mut self.held);
        }
    }

    fn is_quiet(&mut self, in_flight: bool) -> bool {
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

    fn due(&self) -> Option<Instant> {
        [self.hold_until, self.quiet_until, self.patient_until]
            .into_iter()
            .flatten()
            .min()
    }

    fn expire(&mut self, now: Instant) {
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

    /// Lets the time pass that is due next; how much that was.
    fn pass(closing: &mut GracefulClose, now: &mut Instant) -> Duration {
        let due = closing.due().expect("something is due");
        closing.expire(due);
        let passed = due.saturating_duration_since(*now);
        *now = due;
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_quiet_a_moment_later() {
        let (mut closing, mut now) = (GracefulClose::new(), Instant::now());
        assert!(!closing.is_quiet(false));
        assert_eq!(pass(&mut closing, &mut now), IDLE);
        assert!(closing.is_quiet(false));
        closing.disturb();
        assert!(!closing.is_quiet(false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_in_use_is_quiet_sooner() {
        let (mut closing, mut now) = (GracefulClose::new(), Instant::now());
        closing.hold(&mut b"ack".to_vec());
        assert!(!closing.is_quiet(false));
        assert_eq!(pass(&mut closing, &mut now), SETTLED);
        assert!(closing.is_quiet(false));
        let mut out = Vec::new();
        closing.give(&mut out);
        assert_eq!(out, b"ack");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_held_back_for_longer_each_time_up_to_a_bound() {
        let (mut closing, mut now) = (GracefulClose::new(), Instant::now());
        for times in [1, 2, 4, 8, 16, 32, 32] {
            closing.hold(&mut b"ack".to_vec());
            assert_eq!(closing.due(), Some(Instant::now() + HOLD * times));
            closing.expire(Instant::now() + HOLD * times);
            let mut out = Vec::new();
            closing.release(&mut out);
            assert_eq!(out, b"ack");
            assert_eq!(closing.due(), None);
        }
        // Whoever got one may ask again.
        assert!(!closing.is_quiet(true));
        assert_eq!(pass(&mut closing, &mut now), SETTLED);
    }
}
