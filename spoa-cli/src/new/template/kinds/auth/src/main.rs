//! An agent of HAProxy: it lets requests with a known token pass, and tells your servers whose token it is.

use spoa::State;
use spoa::http::{BearerToken, HeaderSet, Verdict};
use spoa::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
struct Options {
    /// File with a token and a user on each line
    #[arg(long, value_name = "FILE", default_value = "tokens.txt")]
    tokens: PathBuf,
}

spoa::outcomes! {
    /// The decisions of the agent. `config` writes a rule of HAProxy for each line.
    pub struct Decision {
        deny: 401;
        request: set "x-user";
    }
}

/// Denies requests without a known token, and sets the header `x-user` of all others.
#[spoe_message("authenticate", event = "on-frontend-http-request")]
fn authenticate(
    token: Result<BearerToken<'_>, Mismatch>,
    State(tokens): State<'_, Tokens>,
) -> Result<Verdict<Decision>, HandlerError> {
    let user = token.ok().and_then(|token| tokens.user(token.as_str()));
    Ok(match user {
        Some(user) => Verdict::allow().request_headers(HeaderSet::new().set("x-user", user)?),
        None => Verdict::deny::<401>().reason("no known token"),
    })
}

/// The users by their tokens.
struct Tokens(HashMap<String, String>);

impl Tokens {
    fn load(path: &Path) -> Result<Self, HandlerError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        Tokens::read(&text)
    }

    fn read(text: &str) -> Result<Self, HandlerError> {
        let mut users = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                [token, user] => {
                    users.insert(token.to_owned(), user.to_owned());
                }
                _ => return Err(format!("line {number}: write a token and a user").into()),
            }
        }
        Ok(Tokens(users))
    }

    fn user(&self, token: &str) -> Option<&str> {
        self.0.get(token).map(String::as_str)
    }
}

fn main() {
    spoa::run!(
        name = env!("CARGO_PKG_NAME"),
        options = Options,
        reload = Tokens::load(&options.tokens)?,
        watch = options.tokens,
    )
}

#[cfg(test)]
mod tests;
