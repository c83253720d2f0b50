//! The codec alone.

use divan::{Bencher, black_box};
use spoa::spop::{AckWriter, Action, Frame, FrameIds, Messages, Scope, Value};
use spoa_benches::frames;

fn main() {
    divan::main();
}

#[divan::bench(args = ["address", "strings", "ten-arguments", "three-messages", "body-8k"])]
fn decode_and_walk(bencher: Bencher<'_, '_>, case: &str) {
    let frame = frames::notify(&frames::messages(case), 1);
    bencher.bench(|| {
        let mut input = black_box(&frame[..]);
        let frame = Frame::split(&mut input, 16380).unwrap().unwrap();
        for message in Messages::parse(frame.payload).unwrap() {
            for arg in message.args() {
                black_box(arg);
            }
        }
    });
}

#[divan::bench]
fn encode_ack_of_one_variable(bencher: Bencher<'_, '_>) {
    let mut out = Vec::with_capacity(64);
    bencher.bench_local(|| {
        out.clear();
        let ids = FrameIds {
            stream_id: 1,
            frame_id: 1,
        };
        let ack = AckWriter::begin(black_box(ids), &mut out);
        let action = Action::SetVar {
            scope: Scope::Session,
            name: "ip_score".into(),
            value: Value::Uint32(black_box(20)),
        };
        action.encode(&mut out);
        ack.finish(&mut out);
        black_box(&out);
    });
}
