//! A row of the table of samples.

use crate::Kind;

/// A row of the table: what a fetch is in some series.
#[derive(Debug)]
pub(crate) struct Fetch(
    /// The name.
    pub(crate) &'static str,
    /// The series, a bit for each.
    pub(crate) u8,
    /// The kind that it gives.
    pub(crate) Kind,
    /// Where it can be used: HAProxy's check points, a bit for each.
    pub(crate) u32,
    /// The arguments, as HAProxy lists them.
    pub(crate) &'static str,
);

/// A row of the table: what a converter is in some series.
#[derive(Debug)]
pub(crate) struct Converter(
    /// The name.
    pub(crate) &'static str,
    /// The series, a bit for each.
    pub(crate) u8,
    /// The kind that it takes.
    pub(crate) Kind,
    /// The kind that it gives; `None` for the kind that it was given.
    pub(crate) Option<Kind>,
    /// The arguments, as HAProxy lists them.
    pub(crate) &'static str,
);
