use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(host),map(/etc/haproxy/hosts.map)")] value: &str) {
    let _ = value;
}

fn main() {}
