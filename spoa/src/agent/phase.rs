//! The phases of an agent's life.

use std::fmt;

/// Where an agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Phase {
    /// It does not serve yet.
    Starting,
    /// It serves.
    Serving,
    /// It serves, and refuses health checks, for [`Limits::lame_duck`](super::Limits::lame_duck).
    LameDuck,
    /// It accepts no connections, and answers what is in flight.
    Draining,
    /// It has stopped.
    Stopped,
}

impl Phase {
    const ALL: [Phase; 5] = [
        Phase::Starting,
        Phase::Serving,
        Phase::LameDuck,
        Phase::Draining,
        Phase::Stopped,
    ];

    /// Returns the phase of a number that was made by `phase as u8`.
    pub(super) fn from_u8(number: u8) -> Self {
        let phase = Self::ALL.get(usize::from(number)).copied();
        phase.unwrap_or(Phase::Starting)
    }
}

/// In words, as the end of "the agent is …".
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::LameDuck => "in lame duck",
            Phase::Draining => "draining",
            Phase::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_from_its_own_number() {
        for phase in Phase::ALL {
            assert_eq!(Phase::from_u8(phase as u8), phase);
        }
    }
}
