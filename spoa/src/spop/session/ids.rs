//! The ids of the NOTIFYs in flight, looked up twice for each.
//!
//! It does not depend on the state of either end.

use crate::spop::FrameIds;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type IdSet = HashSet<FrameIds, BuildHasherDefault<IdHasher>>;

/// A few instructions instead of a hash that resists attacks: the ids in flight are the
/// engine's own, and no agent can choose them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // Multiplying by an odd number of many ones spreads each bit over all above it.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        // The set looks at the lowest bits, where the least was spread to.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    fn slots(build: &impl BuildHasher, ids: impl Iterator<Item = u64>) -> usize {
        let slot = |stream_id| {
            build.hash_one(FrameIds {
                stream_id,
                frame_id: 1,
            }) % 1024
        };
        ids.map(slot).collect::<HashSet<_>>().len()
    }

    #[test]
    fn consecutive_ids_spread_almost_as_well_as_random_hashes() {
        let ours = BuildHasherDefault::<IdHasher>::default();
        for step in [1, 2, 20, 64, 1024] {
            let ids = || (0..512).map(|number| number * step + 1);
            let random = slots(&RandomState::new(), ids());
            let spread = slots(&ours, ids());
            assert!(
                spread * 10 > random * 8,
                "steps of {step}: {spread}, not {random}"
            );
        }
    }
}
