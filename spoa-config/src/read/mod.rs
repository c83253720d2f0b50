//! HAProxy's configuration as it is in files: words, lines, sections, and which SPOE file each
//! filter reads.
//!
//! Lines that HAProxy refuses are read as far as possible, and unknown ones are skipped. Only a file that
//! cannot be read is an error.

mod condition;
mod configuration;
mod environment;
mod environment_value;
mod files;
mod reading;
mod sections;
mod source;
mod words;

pub(crate) use configuration::asks_agent;
pub use configuration::{Configuration, Filter, Found, ReadError, SpoeFile};
pub use files::{Disk, Files};
pub(crate) use sections::{ENTERPRISE, SECTIONS};
pub use sections::{Line, Scope, Section};
pub use source::{Position, Source, Sources, Span};
pub use words::Word;

use crate::Series;
use std::fmt;

/// The HAProxy and the environment that a configuration is read for.
///
/// A caller sets both fields. A new one is a breaking change.
pub struct Surroundings<'a> {
    /// The HAProxy that is to read it, if that is known. It decides conditions such as
    /// `.if version_atleast(…)`.
    pub series: Option<Series>,
    /// The environment.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
