//! The macros of the crate that need its path: they pass it on to `spoa_macros`.
//!
//! It must not know what they expand to.

/// The handlers of an agent, by the paths of their functions: an array for
/// [`AgentBuilder::handlers`](crate::agent::AgentBuilder::handlers).
#[macro_export]
macro_rules! handlers {
    ($($handlers:tt)*) => {
        $crate::__private::expand_handlers!([$crate] $($handlers)*)
    };
}

/// Serves every handler linked into the program until it is told to stop.
#[cfg(feature = "cli")]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::expand_run!([$crate] $($options)*)
    };
}

/// Serves every handler linked into the program until it is told to stop.
#[cfg(not(feature = "cli"))]
#[macro_export]
macro_rules! run {
    ($($options:tt)*) => {
        $crate::__private::compile_error!(
            "`spoa::run!` needs the feature `cli` of `haproxy-spoa`: take `default-features = false` \
             out of Cargo.toml, or build the agent with `spoa::agent::Agent::builder()`"
        )
    };
}
