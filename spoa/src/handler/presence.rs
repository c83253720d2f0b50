//! Whether a handler that succeeds sets a variable.

/// Whether each success of a handler sets a variable, and no failure does.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Each success sets it.
    Always,
    /// Some successes leave it unchanged, or some failures set it.
    Sometimes,
    /// No success sets it, but the `on_failure` of the handler may.
    Failure,
    /// The types do not say. Some successes may unset it.
    #[default]
    Unknown,
}

impl Presence {
    /// Returns the presence of a variable that only some successes write.
    #[must_use]
    pub(crate) fn sometimes(self) -> Self {
        match self {
            Presence::Unknown | Presence::Failure => self,
            Presence::Always | Presence::Sometimes => Presence::Sometimes,
        }
    }
}
