spoa::outcomes! {
    struct Login {
        redirect: 404;
    }
}

spoa::outcomes! {
    struct Firewall {
        deny: 200;
    }
}

fn main() {}
