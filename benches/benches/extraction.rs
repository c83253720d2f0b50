//! From a datum to what a parameter's type is.

use divan::{Bencher, black_box};
use spoa::handler::{FromValue, Parse};
use spoa::spop::Value;
use std::net::{IpAddr, Ipv4Addr};

fn main() {
    divan::main();
}

#[divan::bench]
fn integer(bencher: Bencher<'_, '_>) {
    bencher.bench(|| u16::from_value(black_box(Value::Int64(443))));
}

#[divan::bench]
fn address(bencher: Bencher<'_, '_>) {
    let address = Value::Ipv4(Ipv4Addr::new(192, 0, 2, 7));
    bencher.bench(|| IpAddr::from_value(black_box(address)));
}

#[divan::bench]
fn address_in_text(bencher: Bencher<'_, '_>) {
    bencher.bench(|| IpAddr::from_value(black_box(Value::from("192.0.2.7"))));
}

#[divan::bench]
fn text(bencher: Bencher<'_, '_>) {
    bencher.bench(|| <&str>::from_value(black_box(Value::from("/index.html"))).is_ok());
}

#[divan::bench]
fn parsed_text(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Parse::<u64>::from_value(black_box(Value::from("1234"))).is_ok());
}
