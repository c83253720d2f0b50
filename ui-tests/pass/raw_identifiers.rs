#![deny(warnings)]

use spoa::handler::Definition;
use spoa::prelude::*;
use spoa::testing::{CallArgs, TestAgent};

#[spoe_message("raw")]
fn r#fn(r#type: &str, rest: r#Struct<'_>) -> r#Enum {
    let _ = rest.r#match;
    r#Enum {
        r#loop: r#type.len() as u64,
    }
}

#[derive(FromMessage)]
struct r#Struct<'a> {
    r#match: &'a str,
}

#[derive(IntoActions)]
#[spoa(scope = "sess")]
struct r#Enum {
    r#loop: u64,
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
    let answer = call(
        &handlers![r#fn],
        "raw",
        &[("type", &"abc"), ("match", &"x")],
    );
    assert_eq!(answer, "set-var sess.loop = 3;");
    assert_eq!(handlers![r#fn][0].message_name(), Some("raw"));
}
