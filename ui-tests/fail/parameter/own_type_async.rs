use spoa::prelude::*;

struct UserId(u64);

#[spoe_message("check")]
async fn check(user: Option<UserId>, path: Text<'_>) {
    let _ = (user, path);
}

fn main() {}
