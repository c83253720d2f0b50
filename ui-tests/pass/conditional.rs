#![deny(warnings)]

use spoa::prelude::*;

#[cfg(any())]
#[spoe_message("never", nonsense)]
fn never(x: f64) -> f64 {
    x
}

#[spoe_message("below")]
#[cfg(any())]
fn below(x: u8) {
    let _ = x;
}

#[spoe_message("there")]
#[cfg(not(any()))]
fn there(x: u8) {
    let _ = x;
}

#[cfg_attr(all(), spoe_message("attribute"))]
fn attribute() {}

#[derive(FromMessage, IntoActions)]
#[spoa(scope = "txn")]
struct Both<'a> {
    #[cfg(any())]
    never: f64,
    path: Text<'a>,
}

#[spoe_message("both")]
fn both(both: Both<'_>) -> Both<'_> {
    both
}

pub fn main() {
    assert_eq!(handlers![there, attribute, both].len(), 3);
}
