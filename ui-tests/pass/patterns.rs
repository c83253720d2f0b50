#![deny(warnings)]

use spoa::handler::Definition;
use spoa::testing::{CallArgs, TestAgent};
use spoa::{prelude::*, spop::Message, Context};

#[derive(FromMessage)]
struct Pair {
    a: u8,
    b: u8,
}

#[derive(FromValue)]
struct Port(u16);

#[spoe_message("patterns")]
#[allow(clippy::too_many_arguments)]
fn patterns(
    Pair { a, b: second }: Pair,
    Port(port): Port,
    Parse(ratio): Parse<f32>,
    mut count: u8,
    #[allow(unused_variables)] unused: Option<u8>,
    #[arg("odd")] _: Option<u8>,
    #[arg("id")] Port(id): Port,
    whole @ Message { .. }: Message<'_>,
    _: Context<'_>,
) -> SetVar<String> {
    count += a;
    SetVar::session(
        "s",
        format!("{count} {second} {port} {ratio} {id} {}", whole.len()),
    )
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
    let args: &CallArgs<'_> = &[
        ("a", &1),
        ("b", &2),
        ("port", &3),
        ("ratio", &"0.5"),
        ("count", &4),
        ("id", &5),
    ];
    assert_eq!(
        call(&handlers![patterns], "patterns", args),
        "set-var sess.s = \"5 2 3 0.5 5 6\";"
    );
}
