use spoa::{prelude::*, spop::Scope};

#[spoe_message("check")]
fn check(value: u8) -> Option<UnsetVar> {
    (value > 0).then(|| UnsetVar::new(Scope::Transaction, ""))
}

fn main() {}
