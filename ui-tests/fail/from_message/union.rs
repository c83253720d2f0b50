use spoa::prelude::*;

#[derive(FromMessage)]
union Request {
    a: u8,
    b: i8,
}

fn main() {}
