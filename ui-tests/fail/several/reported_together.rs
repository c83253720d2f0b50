use spoa::prelude::*;

#[spoe_message("get ip", timout = "20ms", set = "session.x")]
unsafe fn check<T>(_: &str, path: &'static str, #[arg("path")] url: &mut str) -> T {
    let _ = (path, url);
    loop {}
}

fn main() {}
