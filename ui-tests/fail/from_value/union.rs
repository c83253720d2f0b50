use spoa::prelude::*;

#[derive(FromValue)]
union Number {
    a: u8,
    b: i8,
}

fn main() {}
