//! Budgets: the amounts that all connections of an agent hold together, each kind with a limit of its own.
//!
//! Callers decide what to do at a limit. A NOTIFY that is answered at once is not counted.

use crate::agent::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of bytes that a connection may keep uncounted: the frames of a HAProxy whose `tune.bufsize` is
/// the default stay below it. So a peer that uses up the common limit does not keep a HAProxy out.
const FREE: usize = 32 << 10;

/// A counter with an approximate limit: threads that ask at the same time may exceed it by what each of
/// them adds.
#[derive(Debug)]
pub(crate) struct Budget {
    taken: AtomicUsize,
    pub(crate) limit: usize,
}

impl Budget {
    fn new(limit: usize) -> Self {
        Budget {
            taken: AtomicUsize::new(0),
            limit,
        }
    }

    /// Returns what is left.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.limit
            .saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// Returns what is taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, count: usize) {
        self.taken.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::Relaxed);
    }

    /// Replaces the part of one user.
    fn change(&self, before: usize, now: usize) {
        match now.checked_sub(before) {
            Some(more) => self.add(more),
            None => self.sub(before - now),
        }
    }
}

/// The amounts that all connections of an agent hold together.
#[derive(Debug)]
pub(crate) struct Budgets {
    /// Running handlers.
    pub(crate) in_flight: Budget,
    /// Bytes of their messages, of unfinished frames and of unwritten answers.
    pub(crate) buffered: Budget,
    /// Bytes of fragments.
    pub(crate) reassembled: Budget,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Budgets {
            in_flight: Budget::new(limits.max_in_flight_total),
            buffered: Budget::new(limits.max_buffered_total),
            reassembled: Budget::new(limits.max_reassembled_total),
        })
    }
}

/// The part of one connection, which it gives back when it is dropped.
#[derive(Debug)]
pub(crate) struct BudgetShare {
    budgets: Arc<Budgets>,
    buffered: usize,
    reassembled: usize,
}

impl BudgetShare {
    pub(crate) fn new(budgets: Arc<Budgets>) -> Self {
        BudgetShare {
            budgets,
            buffered: 0,
            reassembled: 0,
        }
    }

    /// Counts the bytes that the connection keeps; returns whether there is room for them.
    #[inline]
    pub(crate) fn buffer(&mut self, bytes: usize) -> bool {
        let bytes = bytes.saturating_sub(FREE);
        if bytes == self.buffered {
            return true;
        }
        let fits = bytes <= self.buffered + self.budgets.buffered.left();
        self.budgets.buffered.change(self.buffered, bytes);
        self.buffered = bytes;
        fits
    }

    /// Counts the bytes of fragments the connection keeps.
    #[inline]
    pub(crate) fn reassemble(&mut self, bytes: usize) {
        if bytes != self.reassembled {
            self.budgets.reassembled.change(self.reassembled, bytes);
            self.reassembled = bytes;
        }
    }

    /// Returns how many bytes of fragments the connection may keep.
    #[inline]
    pub(crate) fn reassembling(&self) -> usize {
        self.reassembled + self.budgets.reassembled.left()
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.budgets.buffered.sub(self.buffered);
        self.budgets.reassembled.sub(self.reassembled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Arc<Budgets> {
        Budgets::new(&Limits {
            max_buffered_total: 1000,
            max_reassembled_total: 100,
            ..Limits::default()
        })
    }

    #[test]
    fn bytes_beyond_the_share_of_a_connection_count_for_all() {
        let budgets = budgets();
        let (mut one, mut other) = (
            BudgetShare::new(budgets.clone()),
            BudgetShare::new(budgets.clone()),
        );
        assert!(one.buffer(FREE));
        assert_eq!(budgets.buffered.left(), 1000);
        assert!(one.buffer(FREE + 900));
        assert!(!other.buffer(FREE + 101));
        assert!(other.buffer(FREE + 100));
        assert_eq!(budgets.buffered.left(), 0);
        drop(one);
        assert_eq!(budgets.buffered.left(), 900);
        assert!(other.buffer(0));
        assert_eq!(budgets.buffered.left(), 1000);
    }

    #[test]
    fn fragments_of_one_connection_leave_less_to_the_others() {
        let budgets = budgets();
        let (mut one, other) = (BudgetShare::new(budgets.clone()), BudgetShare::new(budgets));
        one.reassemble(60);
        assert_eq!((one.reassembling(), other.reassembling()), (100, 40));
        drop(one);
        assert_eq!(other.reassembling(), 100);
    }
}
