//! Handlers as the macros define them: what they take from a message, what they make of it, what
//! they say of one that does not fit.
//!
//! Messages go in, actions and failures come out, without the protocol.

mod arguments;
mod attributes;
mod derives;
mod description;
mod presence;
mod program;
mod rejections;
mod results;

use spoa::agent::Agent;
use spoa::handler::Definition;
use spoa::testing::{CallArgs, TestAgent};

type Handlers<'h> = &'h [&'static Definition];

/// The actions of the first handler's message, one a line, or its failure.
#[track_caller]
fn call(handlers: Handlers<'_>, args: &CallArgs<'_>) -> String {
    call_on(Agent::builder(), handlers, args)
}

/// Calls a handler with the state of a builder.
#[track_caller]
fn call_on(
    builder: spoa::agent::AgentBuilder,
    handlers: Handlers<'_>,
    args: &CallArgs<'_>,
) -> String {
    // On a busy machine, a blocking handler may be late.
    let builder = builder.limits(|limits| limits.handler_timeout = None);
    let agent = TestAgent::build(builder.handlers(handlers.iter().copied())).expect("an agent");
    let message = handlers.first().and_then(|first| first.message_name());
    let answer = agent
        .call_blocking(message.unwrap_or("anything"), args)
        .expect("an answer");
    match answer.failure() {
        Some(failure) => failure.to_string(),
        None => {
            let actions: Vec<_> = answer
                .actions()
                .iter()
                .map(|action| action.as_action().to_string())
                .collect();
            actions.join("\n")
        }
    }
}
