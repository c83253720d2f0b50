use spoa::prelude::*;

#[spoe_message("check")]
struct Check;

fn main() {}
