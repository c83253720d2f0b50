spoa::outcomes! {
    struct Firewall {
        deny: 403;
        redirects: 302;
    }
}

fn main() {}
