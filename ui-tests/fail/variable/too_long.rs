use spoa::prelude::*;

#[spoe_message("check", set = "sess.a_name_that_is_rather_longer_than_any_name_in_haproxy_can_be")]
fn check(value: u8) -> u8 {
    value
}

fn main() {}
