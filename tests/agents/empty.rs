//! A mistake: no handlers.
//!
//! It must not know which test runs it.

fn main() {
    spoa::run!()
}
