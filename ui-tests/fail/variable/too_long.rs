use spoa::prelude::*;

#[spoe_message("check", set = "sess.a_name_that_says_so_much_that_little_is_left_to_be_said_of_it")]
fn check(value: u8) -> u8 {
    value
}

fn main() {}
