use spoa::prelude::*;

#[spoe_message("check")]
fn check(user_agent: &[u8], path: &[u8]) {
    let _ = (user_agent, path);
}

fn main() {}
