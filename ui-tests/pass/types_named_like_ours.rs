#![deny(warnings)]
//! The traits decide what a type is; its name does not matter.

use spoa::handler::Definition;
use spoa::testing::{CallArgs, TestAgent};
use spoa::{handlers, spoe_message, FromValue, IntoActions};

#[derive(FromValue)]
enum State {
    Up,
    Down,
}

#[derive(FromValue)]
struct Message<'a>(&'a str);

#[derive(FromValue)]
struct Context(u8);

#[derive(IntoActions)]
#[spoa(scope = "sess")]
struct Result<T> {
    value: T,
}

#[spoe_message("own")]
fn own(
    state: State,
    message: Message<'_>,
    #[arg("context")] Context(context): Context,
) -> Result<String> {
    let state = match state {
        State::Up => "up",
        State::Down => "down",
    };
    Result {
        value: format!("{state} {} {context}", message.0),
    }
}

fn call(handlers: &[&'static Definition], message: &str, args: &CallArgs<'_>) -> String {
    let agent = TestAgent::new(handlers.iter().copied());
    let answer = agent.call_blocking(message, args).unwrap();
    assert!(answer.failure().is_none(), "{:?}", answer.failure());
    answer
        .actions()
        .iter()
        .map(|action| format!("{};", action.as_action()))
        .collect()
}

pub fn main() {
    let args: &CallArgs<'_> = &[("state", &"down"), ("message", &"m"), ("context", &1)];
    assert_eq!(
        call(&handlers![own], "own", args),
        "set-var sess.value = \"down m 1\";"
    );
}
