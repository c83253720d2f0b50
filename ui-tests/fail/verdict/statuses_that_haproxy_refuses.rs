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

spoa::outcomes! {
    struct Human {
        challenge: 204;
    }
}

fn main() {}
