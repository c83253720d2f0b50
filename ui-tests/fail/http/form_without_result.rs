//! Types of one argument whose text a client can make invalid, without `Result`.

use serde::Deserialize;
use spoa::http::{FormFields, QueryFields};
use spoa::prelude::*;

#[derive(Deserialize)]
struct Search {
    _q: String,
}

#[spoe_message("check", event = "on-frontend-http-request")]
fn check(_query: QueryFields<Search>, _form: Option<FormFields<Search>>) {}

fn main() {}
