//! An agent that serves again after it was stopped.

use spoa::prelude::*;
use std::process::ExitCode;

#[spoe_message("ping", set = "txn.pong")]
fn ping() -> bool {
    true
}

fn serve() -> ExitCode {
    spoa::run!(listen = "127.0.0.1:0")
}

fn main() -> ExitCode {
    assert_eq!(serve(), ExitCode::SUCCESS);
    serve()
}
