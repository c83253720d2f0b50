use spoa::{prelude::*, State};

use std::sync::Mutex;

#[spoe_message("count")]
async fn count(counter: State<'_, Mutex<u64>>) -> SetVar<u64> {
    let mut counter = counter.lock().unwrap();
    std::future::ready(()).await;
    *counter += 1;
    SetVar::process("count", *counter)
}

fn main() {}
