//! A variable that a handler sets.

/// A variable that a handler sets or unsets.
///
/// A description sets all of its fields. A new one is a breaking change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The scope as HAProxy writes it: `proc`, `sess`, `txn`, `req` or `res`.
    pub scope: String,
    /// The name without the agent's prefix.
    pub name: String,
    /// The type of the values that are written to it, if that is known.
    pub rust_type: Option<String>,
    /// Whether each success of the handler sets it.
    pub presence: Presence,
}

/// Whether each success of a handler sets a variable, and no failure does, as its types say.
///
/// ```
/// use spoa_config::Presence;
///
/// // `Option<SetVar<bool>>` says that some successes set nothing.
/// assert_ne!(Presence::Sometimes, Presence::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// Each success sets it.
    Always,
    /// Some successes leave it alone, as the `None` of an `Option` does, or some failures set it too.
    Sometimes,
    /// No success sets it, but a failure of the handler may.
    Failure,
    /// The types do not say: it may be set, left alone or unset.
    #[default]
    Unknown,
}
