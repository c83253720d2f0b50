#![deny(warnings)]

use spoa::prelude::*;
use std::collections::HashMap;

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

pub fn main() {
    let path = String::from("rules.txt");
    let again = path.clone();
    let serve = move || {
        spoa::run!(
            state = path.len(),
            reload = Rules::load(&again).await?,
            reload = {
                let text = std::fs::read_to_string(&path)?;
                text.parse::<u8>()?
            },
            handlers = [reloaded],
        )
    };
    if std::env::args().count() > 100 {
        serve();
    }
}
