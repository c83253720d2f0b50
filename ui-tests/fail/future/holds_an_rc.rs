use spoa::prelude::*;

use std::rc::Rc;

#[spoe_message("check")]
async fn check(value: u8) -> SetVar<u8> {
    let shared = Rc::new(value);
    std::future::ready(()).await;
    SetVar::session("value", *shared)
}

fn main() {}
