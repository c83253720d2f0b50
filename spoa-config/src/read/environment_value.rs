//! The value of a variable of the environment, as far as it is known.

/// The value of a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EnvironmentValue {
    /// The variable has this text.
    Text(String),
    /// The variable is not set, in any environment of HAProxy.
    Unset,
    /// The variable is not set here, but may be in the environment of HAProxy.
    Missing,
    /// The variable has a value that is not certain, or none.
    Unknown,
}
