//! One agent of several, which says its name in the answer to a request and in that to its response.

use spoa::State;
use spoa::prelude::*;

/// The options of the agent.
#[derive(clap::Args, Debug)]
struct Options {
    /// Name of this agent among its kin
    #[arg(long, default_value = "nobody")]
    member: String,
}

#[spoe_message("ask-member", event = "on-frontend-http-request")]
fn ask_member(State(options): State<'_, Options>) -> SetVar<String> {
    SetVar::transaction("asked", options.member.clone())
}

#[spoe_message("tell-member", event = "on-http-response")]
fn tell_member(State(options): State<'_, Options>) -> SetVar<String> {
    SetVar::transaction("told", options.member.clone())
}

fn main() {
    spoa::run!(
        name = "member",
        listen = "127.0.0.1:12345",
        options = Options
    )
}
