//! The conversion of a datum into the type of a parameter.

use divan::{Bencher, black_box};
use spoa::handler::{FromValue, Parse};
use spoa::http::Headers;
use spoa::spop::Value;
use spoa_benches::frames;
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

#[divan::bench]
fn headers_and_two_look_ups(bencher: Bencher<'_, '_>) {
    let block = frames::headers();
    bencher.bench(|| {
        let headers = Headers::from_value(black_box(Value::Binary(block))).unwrap();
        let found = |name: &str| headers.get(black_box(name)).map(<[u8]>::len);
        (found("cookie"), found("x-request-id"))
    });
}

#[divan::bench]
fn headers_alone(bencher: Bencher<'_, '_>) {
    let block = frames::headers();
    bencher.bench(|| Headers::from_value(black_box(Value::Binary(block))).is_ok());
}

#[divan::bench]
fn two_cookies(bencher: Bencher<'_, '_>) {
    let headers = Headers::from_block(frames::headers()).unwrap();
    bencher.bench(|| {
        let cookies = black_box(&headers).cookies();
        (
            cookies.get(black_box("session")),
            cookies.get(black_box("theme")),
        )
    });
}
