//! The counts while the load runs: answers, their latencies, and all that can go wrong.

use hdrhistogram::Histogram;

/// The longest latency that the histogram holds: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// The counts of one thread, or of all together.
#[derive(Debug)]
pub(super) struct Tally {
    /// NOTIFYs acknowledged in the measured time.
    pub(super) acked: u64,
    /// The actions of those ACKs.
    pub(super) actions: u64,
    /// The times from when a NOTIFY was due to when its ACK was read, in nanoseconds.
    pub(super) latency: Histogram<u64>,
    /// ACKs of the measured time that were wrong, and connections that failed at any time: what is
    /// lost before is missed later.
    pub(super) faults: Faults,
    /// ACKs that were wrong in the warm-up, or came when the measured time was over.
    pub(super) uncounted: Faults,
}

impl Tally {
    pub(super) fn new() -> Self {
        Tally {
            acked: 0,
            actions: 0,
            latency: Histogram::new_with_bounds(1, LONGEST, 3)
                .expect("the bounds are those of a histogram"),
            faults: Faults::default(),
            uncounted: Faults::default(),
        }
    }

    pub(super) fn add(&mut self, other: &Tally) {
        self.acked += other.acked;
        self.actions += other.actions;
        self.latency
            .add(&other.latency)
            .expect("all histograms have the same bounds");
        self.faults.add(&other.faults);
        self.uncounted.add(&other.uncounted);
    }

    /// Returns the counts for an ACK that arrives now and is wrong.
    pub(super) fn faults_of(&mut self, measured: bool) -> &mut Faults {
        if measured {
            &mut self.faults
        } else {
            &mut self.uncounted
        }
    }
}

/// A way in which an agent, or the way to it, can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A second ACK to one NOTIFY.
    Twice,
    /// Actions that cannot be read.
    Malformed,
    /// An ACK that does not meet `--expect`.
    Unexpected,
    /// A NOTIFY without an ACK.
    Unanswered,
    /// Faults for which HAProxy would end the connection.
    Refused,
    /// An AGENT-DISCONNECT.
    Disconnected,
    /// A connection closed or broken without one.
    Lost,
}

impl Fault {
    pub(super) const ALL: [Fault; 7] = [
        Fault::Twice,
        Fault::Malformed,
        Fault::Unexpected,
        Fault::Unanswered,
        Fault::Refused,
        Fault::Disconnected,
        Fault::Lost,
    ];

    /// Returns the fault in words, for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Fault::Twice => "second ACKs to one NOTIFY",
            Fault::Malformed => "ACKs with actions that cannot be read",
            Fault::Unexpected => "ACKs that do not meet `--expect`",
            Fault::Unanswered => "NOTIFYs without an ACK",
            Fault::Refused => "connections that HAProxy would end",
            Fault::Disconnected => "connections ended by an AGENT-DISCONNECT",
            Fault::Lost => "connections lost",
        }
    }

    /// Returns the key in JSON.
    pub(super) fn key(self) -> &'static str {
        match self {
            Fault::Twice => "acked_twice",
            Fault::Malformed => "malformed",
            Fault::Unexpected => "unexpected",
            Fault::Unanswered => "unanswered",
            Fault::Refused => "refused",
            Fault::Disconnected => "disconnected",
            Fault::Lost => "lost",
        }
    }
}

/// How often each fault was seen, and the first of them in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    counts: [u64; Fault::ALL.len()],
    first: Option<String>,
}

impl Faults {
    /// Notes a fault. Only the first one is described in words.
    pub(super) fn note(&mut self, fault: Fault, count: u64, words: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        if let Some(seen) = self.counts.get_mut(fault as usize) {
            *seen += count;
        }
        self.first.get_or_insert_with(words);
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the faults that were seen.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        let all = Fault::ALL.into_iter().zip(self.counts);
        all.filter(|(_, count)| *count > 0)
    }

    pub(super) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    fn add(&mut self, other: &Faults) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_threads_add_up() {
        let (mut one, mut two) = (Tally::new(), Tally::new());
        (one.acked, two.acked) = (2, 3);
        one.latency.saturating_record(1000);
        two.latency.saturating_record(u64::MAX);
        two.faults.note(Fault::Lost, 2, || "gone".to_owned());
        two.faults.note(Fault::Twice, 0, || "never".to_owned());
        one.add(&two);
        assert_eq!((one.acked, one.latency.len()), (5, 2));
        assert_eq!(one.faults.first(), Some("gone"));
        assert_eq!(one.faults.seen().collect::<Vec<_>>(), [(Fault::Lost, 2)]);
    }

    #[test]
    fn the_number_of_a_fault_is_its_index() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
    }
}
