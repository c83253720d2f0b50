#![deny(warnings)]

use spoa::handler::{Definition, Variable};
use spoa::prelude::*;
use spoa::testing::{CallArgs, TestAgent};

#[derive(FromValue)]
struct Tagged<'a, T: ?Sized>
where
    &'a T: Clone,
{
    inner: &'a T,
}

#[derive(FromValue)]
struct Array<const N: usize = 3>(Vec<u8>);

#[derive(IntoActions)]
#[spoa(scope = "sess")]
struct Pair<'a, A, B: Variable>
where
    A: Copy,
{
    a: A,
    b: Option<B>,
    c: &'a str,
}

#[spoe_message("generic")]
fn generic<'a>(array: Option<Array>, tagged: Tagged<'_, str>, c: &'a str) -> Pair<'a, u8, String> {
    assert_eq!(tagged.inner, "ab");
    Pair {
        a: array.map_or(0, |Array(bytes)| bytes.len() as u8),
        b: None,
        c,
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
    let args: &CallArgs<'_> = &[("array", &"ab"), ("tagged", &"ab"), ("c", &"d")];
    assert_eq!(
        call(&handlers![generic], "generic", args),
        "set-var sess.a = 2;set-var sess.c = \"d\";"
    );
}
