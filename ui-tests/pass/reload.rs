#![deny(warnings)]

use spoa::{prelude::*, State};
use std::collections::HashMap;
use std::process::ExitCode;

struct Rules(HashMap<String, u8>);

impl Rules {
    async fn load(path: &str) -> std::io::Result<Rules> {
        let text = std::fs::read_to_string(path)?;
        Ok(Rules(
            text.lines().map(|line| (line.to_owned(), 1)).collect(),
        ))
    }
}

#[spoe_message("reloaded")]
fn reloaded(
    path: Text<'_>,
    State(rules): State<'_, Rules>,
    State(n): State<'_, usize>,
) -> SetVar<bool> {
    SetVar::session("found", rules.0.contains_key(&*path) && *n > 0)
}

fn serve(path: String) -> ExitCode {
    let again = path.clone();
    spoa::run!(
        state = path.len(),
        reload = Rules::load(&again).await?,
        reload = {
            let text = std::fs::read_to_string(&path)?;
            text.parse::<u8>()?
        },
        handlers = [reloaded],
    )
}

pub fn main() {
    if std::env::args().count() > 100 {
        serve(String::from("rules.txt"));
    }
}
