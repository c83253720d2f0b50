use std::rc::Rc;

fn main() {
    spoa::run!(reload = Rc::new(1))
}
