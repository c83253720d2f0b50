//! The codec alone.

use divan::Bencher;
use spoa_benches::{codec, frames};

fn main() {
    divan::main();
}

#[divan::bench(args = ["address", "strings", "ten-arguments", "three-messages", "body-8k"])]
fn decode_and_walk(bencher: Bencher<'_, '_>, case: &str) {
    let frame = frames::notify(&frames::messages(case), 1);
    bencher.bench(|| codec::decode_and_walk(&frame));
}

#[divan::bench]
fn encode_ack_of_one_variable(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(64);
    bencher.bench_local(|| codec::encode_ack(&mut out));
}
