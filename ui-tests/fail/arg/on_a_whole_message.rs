use spoa::{prelude::*, Context};

#[spoe_message("check")]
fn check(#[arg("context")] context: Context<'_>) {
    let _ = context;
}

fn main() {}
