//! A written configuration: its texts, and the warnings about them.

use std::fmt;

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenConfiguration {
    /// `spoe.conf`.
    pub spoe: String,
    /// The backend of the agents, a section of `haproxy.cfg`.
    pub backend: String,
    /// The lines of the frontend, without its first.
    pub frontend: String,
    /// A whole `haproxy.cfg` with both.
    pub haproxy: String,
    /// The name of the engine.
    pub engine: String,
    /// The prefix of the variables.
    pub prefix: String,
    /// The parts that a person has to look at.
    pub warnings: Vec<Warning>,
}

/// A part of a configuration that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file and the line of the handler that the warning is about.
    pub location: Option<(String, u32)>,
    /// The fault, and the way to fix it.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some((file, line)) => write!(f, "{file}:{line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
