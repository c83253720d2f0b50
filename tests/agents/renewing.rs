//! An agent with values that renew themselves, from the file and in the period that its options name, and with
//! services.

use spoa::State;
use spoa::prelude::*;
use spoa::run::Serving;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// File that is watched
    #[arg(long)]
    watched: PathBuf,
    /// File that is read at every period
    #[arg(long)]
    polled: PathBuf,
    /// Milliseconds between two reads
    #[arg(long, default_value_t = 50)]
    period: u64,
    /// File from which a service pushes
    #[arg(long)]
    pushed: Option<PathBuf>,
}

struct Watched(String);

struct Polled(String);

struct Pushed(String);

/// Shows what holds now.
#[spoe_message("show")]
fn show(
    State(watched): State<'_, Watched>,
    State(polled): State<'_, Polled>,
    State(pushed): State<'_, Pushed>,
) -> (SetVar<String>, SetVar<String>, SetVar<String>) {
    (
        SetVar::transaction("watched", watched.0.clone()),
        SetVar::transaction("polled", polled.0.clone()),
        SetVar::transaction("pushed", pushed.0.clone()),
    )
}

fn read(path: &PathBuf) -> Result<String, HandlerError> {
    let text = std::fs::read_to_string(path)?.trim().to_owned();
    match text.as_str() {
        "broken" => Err(HandlerError::new("the file is broken")),
        _ => Ok(text),
    }
}

/// Fails twice, and then pushes a value.
async fn push(options: &'static Options, serving: Serving) -> Result<(), HandlerError> {
    static STARTS: AtomicU32 = AtomicU32::new(0);
    match STARTS.fetch_add(1, Ordering::Relaxed) {
        0 => return Err(HandlerError::new("the stream is away")),
        1 => panic!("the stream is odd"),
        _ => {}
    }
    let pushed = options.pushed.as_ref().map(read).transpose()?;
    let pushed = Pushed(pushed.unwrap_or_default());
    serving.reloader().replace(pushed).await?;
    tracing::info!("the service has pushed");
    serving.stopping().await;
    tracing::info!("the service ends what it does");
    Ok(())
}

async fn endless() {
    tracing::info!("the endless service has started");
    std::future::pending().await
}

fn main() {
    spoa::run!(
        listen = "127.0.0.1:0",
        options = Options,
        state = Pushed("first".to_owned()),
        reload = Watched(read(&options.watched)?),
        watch = options.watched,
        reload = Polled(read(&options.polled)?),
        every = Duration::from_millis(options.period),
        serve = |serving| push(options, serving),
        serve = endless(),
    )
}
