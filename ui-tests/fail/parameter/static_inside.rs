use spoa::prelude::*;

use std::borrow::Cow;

#[spoe_message("check")]
fn check(path: Option<Cow<'static, str>>) {
    let _ = path;
}

fn main() {}
