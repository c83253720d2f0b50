//! The phases of an agent's life.

use std::fmt;

/// The phase of an agent's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Phase {
    /// The agent does not serve yet.
    Starting,
    /// The agent serves.
    Serving,
    /// The agent serves, and refuses health checks, for [`Limits::lame_duck`](super::Limits::lame_duck).
    LameDuck,
    /// The agent accepts no connections, and answers the NOTIFYs in flight.
    Draining,
    /// The agent has stopped.
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
    fn each_phase_is_read_from_its_number() {
        for phase in Phase::ALL {
            assert_eq!(Phase::from_u8(phase as u8), phase);
        }
    }
}
