use spoa::prelude::*;

struct Login {
    user: String,
}

#[spoe_message("check")]
fn check(Login { user }: Login) {
    let _ = user;
}

fn main() {}
