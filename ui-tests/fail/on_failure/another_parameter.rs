use spoa::prelude::*;

fn failed(text: &str) -> SetVar<bool> {
    SetVar::transaction("failed", text.is_empty())
}

#[spoe_message("check", on_failure = failed)]
fn check() {}

fn main() {}
