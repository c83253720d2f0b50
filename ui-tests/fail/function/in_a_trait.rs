use spoa::prelude::*;

trait Service {
    #[spoe_message("check")]
    fn check(n: u32) -> SetVar<u32>;
}

fn main() {}
