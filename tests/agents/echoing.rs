//! An agent that sends back the token it is given, a moment later: long enough for HAProxy to have
//! more than one NOTIFY on a connection.

use spoa::prelude::*;
use std::time::Duration;

#[spoe_message("echo", set = "txn.echo", timeout = "20s")]
async fn echo(token: &str) -> String {
    tokio::time::sleep(Duration::from_millis(3)).await;
    token.to_owned()
}

fn main() {
    spoa::run!(listen = "127.0.0.1:0")
}
