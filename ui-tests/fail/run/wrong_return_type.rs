use spoa::prelude::*;

#[spoe_message("ping")]
fn ping() {}

fn serve() -> i32 {
    spoa::run!(handlers = [ping])
}

fn main() {
    serve();
}
