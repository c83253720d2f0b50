//! An agent with options of its own, which its state, a reloaded value and a handler use.

use spoa::State;
use spoa::prelude::*;
use std::path::PathBuf;

/// The options of the agent.
#[derive(clap::Args, Debug)]
struct Options {
    /// File with the words to block
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Score from which a client is blocked
    #[arg(long, short, default_value_t = 50)]
    threshold: u8,
    /// Networks to trust
    #[arg(long, value_name = "NETWORK")]
    trust: Vec<String>,
    /// Blocks nobody
    #[arg(long)]
    dry_run: bool,
    /// Database to ask
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        help_heading = "Database"
    )]
    database: Option<String>,
    /// Way to block
    #[arg(long, value_parser = ["deny", "tarpit"], default_value = "deny")]
    mode: String,
}

struct Database(String);

impl Database {
    fn open(url: Option<&str>) -> Result<Database, HandlerError> {
        match url {
            Some("broken") => Err(HandlerError::new("the database is broken")),
            url => Ok(Database(url.unwrap_or("none").to_owned())),
        }
    }
}

struct Rules(String);

impl Rules {
    fn load(options: &Options) -> Result<Rules, HandlerError> {
        let text = options.rules.as_ref().map(std::fs::read_to_string);
        Ok(Rules(
            text.transpose()?.unwrap_or_default().trim().to_owned(),
        ))
    }
}

/// Shows what the agent knows.
#[spoe_message("show")]
fn show(
    State(options): State<'_, Options>,
    State(database): State<'_, Database>,
    State(rules): State<'_, Rules>,
) -> (SetVar<String>, SetVar<String>, SetVar<String>) {
    let Options {
        threshold,
        trust,
        dry_run,
        mode,
        ..
    } = options;
    (
        SetVar::transaction("options", format!("{threshold} {trust:?} {dry_run} {mode}")),
        SetVar::transaction("database", database.0.clone()),
        SetVar::transaction("rules", rules.0.clone()),
    )
}

fn main() -> std::process::ExitCode {
    spoa::run!(
        name = "optional",
        listen = "127.0.0.1:0",
        options = Options,
        state = Database::open(options.database.as_deref())?,
        reload = Rules::load(options)?,
    )
}
