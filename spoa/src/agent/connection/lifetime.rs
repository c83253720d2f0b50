//! The lifetime of a connection.
//!
//! It knows time, not connections.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How long a connection that is old enough may wait for a moment in which it is not in use: a DISCONNECT
/// then costs no stream its answer.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Draws a time within a tenth of `length`: connections that were opened together do not end
/// together.
pub(crate) fn draw(length: Duration) -> Duration {
    // Each of these hashers has keys of its own: as random as it needs to be here.
    let random = RandomState::new().build_hasher().finish();
    length.mul_f64(0.9 + 0.2 * (random as f64 / u64::MAX as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_differ_by_a_tenth_at_most() {
        let length = Duration::from_secs(100);
        let drawn: Vec<_> = (0..1000).map(|_| draw(length).as_secs()).collect();
        assert!(drawn.iter().all(|secs| (90..=110).contains(secs)));
        assert!(drawn.iter().any(|secs| *secs < 95) && drawn.iter().any(|secs| *secs > 105));
    }
}
