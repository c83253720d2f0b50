struct Broken;

fn open() -> Result<u8, Broken> {
    Err(Broken)
}

fn main() {
    spoa::run!(reload = open()?)
}
