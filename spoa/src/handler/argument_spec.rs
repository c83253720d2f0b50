//! One argument of a handler, as the source of the handler declares it.

/// A parameter or field, as the macro sees it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    /// The argument's name.
    pub name: Option<&'static str>,
    /// Its position, if it is taken by position.
    pub index: Option<usize>,
    /// The parameter's type as written.
    pub rust_type: &'static str,
    /// Whether it has a default.
    pub default: bool,
    /// The sample expression that gives its value.
    pub sample: Option<&'static str>,
    /// Whether HAProxy may have no value for the sample.
    pub may_be_missing: bool,
    /// The attribute that a user changes it with: `arg` for a parameter, `spoa` for a field, empty for a part of
    /// the library's own types.
    pub attribute: &'static str,
}
