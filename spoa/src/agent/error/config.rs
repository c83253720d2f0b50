//! Why an agent cannot be built from what the program gave.

/// Why an agent cannot be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// No handlers were given.
    #[error(
        "the agent has no handlers: put `#[spoe_message(\"name\")]` above a function; if the \
         handlers are in another crate, write `use that_crate as _;` so that it is linked"
    )]
    NoHandlers,
    /// Two handlers for one message.
    #[error(
        "two handlers answer the message `{message}`: {first} and {second}; remove one of them or \
         rename its message"
    )]
    Duplicate {
        /// The message.
        message: &'static str,
        /// The function and place of one.
        first: String,
        /// The function and place of the other.
        second: String,
    },
    /// Two fallbacks.
    #[error("two functions are `#[spoe_fallback]`: {first} and {second}; an agent has one at most")]
    DuplicateFallback {
        /// The function and place of one.
        first: String,
        /// The function and place of the other.
        second: String,
    },
    /// A handler takes state the agent was not given.
    #[error(
        "no state of type `{state}`, which {handler} takes: write `run!(state = …)` or \
         `Agent::builder().state(…)` with a value of that type"
    )]
    MissingState {
        /// The type.
        state: &'static str,
        /// The function and place that takes it.
        handler: String,
    },
    /// A type has two values.
    #[error(
        "two values of the type `{state}`: a type has one, so remove one `state` or `reload`, or wrap \
         one of the two in a type of its own"
    )]
    TwoStates {
        /// The type.
        state: &'static str,
    },
}

/// Why a text is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address to listen on: {problem}; write `127.0.0.1:12345`, `[::1]:12345`, \
     `unix@/path`, `unix@/path,mode=660` or `abns@name`"
)]
pub(crate) struct AddressError {
    pub(crate) text: String,
    pub(crate) problem: &'static str,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a network to allow: write one such as `10.0.0.0/8` or `2001:db8::/32`, or one \
     address such as `10.0.0.7`"
)]
pub(crate) struct NetworkError {
    pub(crate) text: String,
}
