use spoa::prelude::*;

#[spoe_message("check")]
fn check(path: impl AsRef<str>) {
    let _ = path.as_ref();
}

fn main() {}
