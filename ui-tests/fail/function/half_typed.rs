use spoa::prelude::*;

#[spoe_message("check")]
fn check(n: u32, path: ) {
    let _ = n;
}

fn main() {
    let _ = handlers![check];
}
