//! Options before the field of a newtype, where no derive reads them.

use spoa::prelude::*;

#[derive(FromValue)]
struct Port(#[spoa(default = 443)] u16);

#[derive(FromValue)]
struct Score(#[spoa("score")] u16);

#[spoe_message("check")]
fn check(_port: Port, _score: Score) {}

fn main() {}
