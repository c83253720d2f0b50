//! From a datum to what a parameter's type is.

use divan::{Bencher, black_box};
use spoa::handler::{FromValue, Parse};
use spoa::http::Headers;
use spoa::spop::{Value, varint};
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

/// Returns a block of 20 headers with 1.5 KiB.
fn block() -> Vec<u8> {
    let mut block = Vec::new();
    let mut string = |text: &str| {
        varint::encode(text.len() as u64, &mut block);
        block.extend_from_slice(text.as_bytes());
    };
    for number in 0..20 {
        string(&format!("x-header-{number:02}"));
        string(&"v".repeat(62));
    }
    block.extend_from_slice(&[0, 0]);
    block
}

#[divan::bench]
fn headers_and_two_look_ups(bencher: Bencher<'_, '_>) {
    let block = block();
    bencher.bench(|| {
        let headers = Headers::from_value(black_box(Value::Binary(&block))).unwrap();
        let found = |name: &str| headers.get(black_box(name)).map(<[u8]>::len);
        (found("x-header-10"), found("x-header-19"))
    });
}

#[divan::bench]
fn headers_alone(bencher: Bencher<'_, '_>) {
    let block = block();
    bencher.bench(|| Headers::from_value(black_box(Value::Binary(&block))).is_ok());
}
