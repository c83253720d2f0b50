use spoa::prelude::*;

#[derive(FromMessage)]
struct Request {
    #[arg(sample = "scr_port")]
    port: u16,
}

fn main() {}
