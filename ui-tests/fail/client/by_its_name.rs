use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: &str, user_agent: Option<&str>) {
    let _ = (path, user_agent);
}

fn main() {}
