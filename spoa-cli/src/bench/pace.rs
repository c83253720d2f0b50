//! When NOTIFYs are due: as soon as there is room (closed loop), or at fixed moments whatever the
//! agent does (open loop).
//!
//! Time is nanoseconds since the load began.

use std::collections::VecDeque;

/// The open loop of one thread: moments at equal distances, and the slots that are free.
///
/// A NOTIFY that is due when no slot is free waits for one, and its latency counts from when it was
/// due: an agent that stalls cannot hide how many it kept waiting (coordinated omission).
#[derive(Debug)]
pub(super) struct Pace {
    first: f64,
    interval: f64,
    sent: u64,
    /// Taken from the front and returned at the back, so that all connections have their turn.
    free: VecDeque<(usize, usize)>,
}

impl Pace {
    /// The share of one of several threads that send at this rate together, in NOTIFYs a second.
    pub(super) fn new(rate: f64, thread: usize, threads: usize) -> Self {
        let between = 1e9 / rate;
        Pace {
            first: between * thread as f64,
            interval: between * threads as f64,
            sent: 0,
            free: VecDeque::new(),
        }
    }

    /// Adds a free slot of a connection.
    pub(super) fn free(&mut self, connection: usize, slot: usize) {
        self.free.push_back((connection, slot));
    }

    /// Returns when the next NOTIFY is due.
    pub(super) fn due(&self) -> u64 {
        (self.first + self.interval * self.sent as f64) as u64
    }

    /// Takes a free slot for a NOTIFY that is due now. Returns when it was due, its connection and its slot.
    pub(super) fn next(&mut self, now: u64) -> Option<(u64, usize, usize)> {
        let due = self.due();
        if due > now {
            return None;
        }
        let (connection, slot) = self.free.pop_front()?;
        self.sent += 1;
        Some((due, connection, slot))
    }

    /// Notes that a slot cannot be used after all: its NOTIFY is still due.
    pub(super) fn give_back(&mut self) {
        self.sent = self.sent.saturating_sub(1);
    }

    /// Drops the NOTIFYs that were due before this moment: the measured time does not begin with
    /// what the warm-up left.
    pub(super) fn begin(&mut self, moment: u64) {
        self.sent = self.sent.max(self.before(moment));
    }

    /// Returns the number of NOTIFYs that are due before `end` and were not sent.
    pub(super) fn unsent(&self, end: u64) -> u64 {
        self.before(end).saturating_sub(self.sent)
    }

    /// Returns the number of NOTIFYs due before a moment.
    fn before(&self, moment: u64) -> u64 {
        let due = (moment as f64 - self.first) / self.interval;
        due.max(0.0).ceil() as u64
    }

    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_due_times_are_divided_among_threads() {
        let mut one = Pace::new(1e9, 0, 2);
        let mut two = Pace::new(1e9, 1, 2);
        for pace in [&mut one, &mut two] {
            (0..3).for_each(|slot| pace.free(0, slot));
        }
        let dues = |pace: &mut Pace| -> Vec<u64> {
            std::iter::from_fn(|| Some(pace.next(100)?.0)).collect()
        };
        assert_eq!(dues(&mut one), [0, 2, 4]);
        assert_eq!(dues(&mut two), [1, 3, 5]);
    }

    #[test]
    fn a_notify_that_waits_for_a_slot_keeps_its_due_time() {
        let mut pace = Pace::new(1e8, 0, 1);
        pace.free(7, 0);
        assert_eq!(pace.next(1000), Some((0, 7, 0)));
        assert_eq!(pace.next(1000), None);
        assert_eq!(pace.unsent(100), 9);
        pace.free(7, 0);
        assert_eq!(pace.next(1000), Some((10, 7, 0)));
        pace.give_back();
        assert_eq!(pace.due(), 10);
    }

    #[test]
    fn the_rest_of_the_warm_up_is_not_sent_later() {
        let mut pace = Pace::new(1e8, 0, 1);
        pace.free(0, 0);
        assert_eq!(pace.next(500), Some((0, 0, 0)));
        assert_eq!(pace.unsent(500), 49);
        pace.begin(500);
        assert_eq!((pace.due(), pace.unsent(500)), (500, 0));
        pace.free(0, 0);
        assert_eq!(pace.next(520), Some((500, 0, 0)));
        // Again and again, for it is asked at each turn.
        pace.begin(500);
        assert_eq!((pace.due(), pace.unsent(530)), (510, 2));
    }

    #[test]
    fn nothing_is_sent_before_it_is_due() {
        let mut pace = Pace::new(1000.0, 0, 1);
        pace.free(0, 0);
        pace.free(0, 1);
        assert_eq!(pace.next(0), Some((0, 0, 0)));
        assert_eq!(pace.next(999_999), None);
        assert_eq!(pace.next(1_000_000), Some((1_000_000, 0, 1)));
    }
}
