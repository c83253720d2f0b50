use spoa::prelude::*;

struct Checks;

impl Checks {
    #[spoe_message("check")]
    fn check(checks: &Self) {
        let _ = checks;
    }
}

fn main() {}
