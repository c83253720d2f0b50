spoa::outcomes! {
    struct Proxy {
        request: set "content-length";
    }
}

spoa::outcomes! {
    struct Capitals {
        request: set "X-User", change "via";
    }
}

fn main() {}
