#![deny(warnings)]

use spoa::prelude::*;

#[spoe_message("check")]
const fn check(n: u32) -> Option<SetVar<u32>> {
    let _ = n;
    None
}

#[spoe_message("unused")]
fn unused(_id: Option<u32>, #[arg("_raw")] _raw: u8) {}

pub fn main() {
    assert_eq!(handlers![check, unused].len(), 2);
}
