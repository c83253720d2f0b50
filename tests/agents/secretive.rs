//! An agent with secret options, which logs them at every level.

use spoa::State;
use spoa::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// The options of the agent.
#[derive(clap::Args, Debug)]
struct Options {
    /// Token for the service
    #[arg(long, hide_env_values = true, default_value = "a-default")]
    token: String,
    /// Number that opens the door
    #[arg(long, hide_env_values = true, value_parser = pin)]
    pin: Option<u16>,
    /// Keys of the service
    #[arg(long, hide_env_values = true, value_delimiter = ',')]
    keys: Vec<String>,
    /// Reasons not to start
    #[arg(long)]
    fail: bool,
}

/// Reads a number. The error for a long text shows it.
fn pin(text: &str) -> Result<u16, String> {
    text.parse().map_err(|error| match text.len() {
        1..9 => format!("{error}"),
        _ => format!("cannot read `{text}`: {error}"),
    })
}

#[spoe_message("say")]
fn say(State(options): State<'_, Options>) -> Result<(), HandlerError> {
    tracing::error!("{options:?}");
    tracing::info!(
        token = options.token,
        pin = options.pin,
        "key {:?}",
        options.keys.first()
    );
    tracing::trace!("{}", options.token);
    Err(format!("the service does not know {}", options.token).into())
}

#[spoe_message("fall")]
fn fall(State(options): State<'_, Options>) {
    panic!("cannot go on with {}", options.token);
}

/// Opens the service.
fn open(options: &Options) -> Result<u8, HandlerError> {
    if options.fail {
        return Err(format!("cannot log in with {}", options.token).into());
    }
    Ok(0)
}

/// A session that can be opened once.
struct Session;

impl Session {
    fn open(options: &Options) -> Result<Session, HandlerError> {
        static OPENED: AtomicBool = AtomicBool::new(false);
        if OPENED.swap(true, Ordering::Relaxed) {
            return Err(format!("cannot log in again with {}", options.token).into());
        }
        Ok(Session)
    }
}

fn main() -> std::process::ExitCode {
    spoa::run!(
        listen = "127.0.0.1:0",
        options = Options,
        state = open(options)?,
        reload = Session::open(options)?
    )
}
