use spoa::agent::FailedMessage;
use spoa::prelude::*;

fn failed(_: &FailedMessage<'_>) -> u8 {
    1
}

#[spoe_message("check", on_failure = failed)]
fn check() {}

fn main() {}
