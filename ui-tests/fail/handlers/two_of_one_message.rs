use spoa::prelude::*;

#[spoe_message("check")]
fn check() {}

mod other {
    use spoa::prelude::*;

    #[spoe_message("check")]
    pub fn check_again() {}
}

fn main() {
    let _ = handlers![check, other::check_again];
}
