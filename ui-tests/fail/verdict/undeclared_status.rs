use spoa::http::Verdict;

spoa::outcomes! {
    struct Firewall {
        deny: 403;
    }
}

fn judge(bad: bool) -> Verdict<Firewall> {
    match bad {
        true => Verdict::deny::<429>(),
        false => Verdict::drop_silently(),
    }
}

fn main() {
    judge(true);
}
