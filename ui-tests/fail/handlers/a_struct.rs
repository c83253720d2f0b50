use spoa::prelude::*;

struct Check;

fn main() {
    let _ = handlers![Check];
}
