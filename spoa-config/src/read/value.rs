//! The value of a variable of the environment, as far as it is known.

/// The value of a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It is set to this.
    Text(String),
    /// It is not set, whatever HAProxy is started with.
    Unset,
    /// It is not set here, but HAProxy may be started with it.
    Missing,
    /// It is set or not, which is not decided here.
    Unknown,
}
