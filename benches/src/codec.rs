//! The cases that measure the codec: a NOTIFY read and walked, an ACK written.

use spoa::spop::{AckWriter, Action, Frame, FrameIds, Messages, Scope, Value};
use std::hint::black_box;

/// Reads a frame, a NOTIFY, and looks at all its arguments.
///
/// # Panics
/// If the frame is not a NOTIFY.
pub fn decode_and_walk(frame: &[u8]) {
    let mut input = black_box(frame);
    let frame = Frame::split(&mut input, 16380).unwrap().unwrap();
    for message in Messages::parse(frame.payload).unwrap() {
        for arg in message.args() {
            black_box(arg);
        }
    }
}

/// Replaces the content of `out` with an ACK of one variable.
pub fn encode_ack(out: &mut Vec<u8>) {
    out.clear();
    let ids = FrameIds {
        stream_id: 1,
        frame_id: 1,
    };
    let mut ack = AckWriter::begin(black_box(ids), out);
    let action = Action::SetVar {
        scope: Scope::Session,
        name: "ip_score".into(),
        value: Value::Uint32(black_box(20)),
    };
    ack.action(&action);
    ack.finish();
    black_box(out);
}
