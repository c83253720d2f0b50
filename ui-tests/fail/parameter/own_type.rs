use spoa::prelude::*;

struct UserId(u64);

#[spoe_message("check")]
fn check(user: UserId) {
    let _ = user.0;
}

fn main() {}
