//! An agent whose handlers leave work for the time after their answers, and keep values between messages.

use spoa::prelude::*;
use spoa::{After, State, Transaction};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// File that gets a byte for each work that is done
    #[arg(long)]
    done: PathBuf,
}

/// The file of the option.
struct Done(Arc<File>);

/// Leaves work that takes this long; says whether it was taken.
#[spoe_message("later", set = "txn.taken")]
fn later(ms: u64, after: After<'_>, State(done): State<'_, Done>) -> bool {
    let file = done.0.clone();
    after.run(async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let mut file = &*file;
        file.write_all(b".").expect("it can be written");
    })
}

/// Keeps the path, and counts it with its own length.
#[spoe_message("request", set = "txn.kept")]
fn request(path: Text<'_>, kept: Transaction<'_, String>) -> bool {
    kept.put_sized(path.to_string(), path.len());
    true
}

/// Shows what the message `request` has kept.
#[spoe_message("response", event = "on-http-response", set = "txn.path")]
fn response(kept: Transaction<'_, String>) -> Option<String> {
    kept.take()
}

fn main() {
    spoa::run!(
        listen = "127.0.0.1:0",
        options = Options,
        state = Done(Arc::new(
            File::options()
                .create(true)
                .append(true)
                .open(&options.done)?
        )),
    )
}
