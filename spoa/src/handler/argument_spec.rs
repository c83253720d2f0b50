//! One argument of a handler, as the text of the handler declares it.

/// What the macro knows of one parameter.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ArgSpec {
    /// The argument's name.
    pub name: Option<&'static str>,
    /// Its place, where it is taken by place.
    pub index: Option<usize>,
    /// The parameter's type as written.
    pub rust_type: &'static str,
    /// Whether it has a default.
    pub default: bool,
    /// The sample expression that gives it.
    pub sample: Option<&'static str>,
    /// Whether that may have no value.
    pub may_be_missing: bool,
}
