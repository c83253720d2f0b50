use spoa::prelude::*;

#[derive(FromMessage)]
struct Request {
    #[spoa(sample = "scr_port")]
    port: u16,
}

fn main() {}
