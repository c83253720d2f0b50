//! A mistake: no handlers.

fn main() {
    spoa::run!()
}
