use spoa::prelude::*;

struct Agent2;

impl Agent2 {
    #[spoe_message("check")]
    fn check(&self, ip: &str) {
        let _ = ip;
    }
}

fn main() {}
