//! `instructions CASE ROUNDS`: does one case so many times, for callgrind to count.
//!
//! The difference between two numbers of rounds is what the rounds cost: see `benches/instructions`.

use spoa::prelude::*;
use spoa::spop::{AckWriter, Action, Frame, FrameIds, Messages, Scope, Value};
use spoa_benches::{feed::Feed, frames, handlers};
use std::hint::black_box;

/// NOTIFYs in one read, of the cases that have a connection.
const BATCH: u64 = 32;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(case), Some(rounds)) = (args.next(), args.next()) else {
        panic!("usage: instructions CASE ROUNDS");
    };
    let rounds = rounds.parse().expect("a number of rounds");
    match case.split_once('/') {
        Some(("codec", "decode-notify")) => decode(rounds),
        Some(("codec", "encode-ack")) => encode(rounds),
        Some(("agent", notify)) => serve(&frames::batch(&frames::messages(notify), BATCH), rounds),
        Some(("single", notify)) => serve(&frames::batch(&frames::messages(notify), 1), rounds),
        _ => panic!("there is no case `{case}`"),
    }
}

fn decode(rounds: usize) {
    let frame = frames::notify(&frames::messages("strings"), 1);
    for _ in 0..rounds {
        let mut input = black_box(&frame[..]);
        let frame = Frame::split(&mut input, 16380).unwrap().unwrap();
        for message in Messages::parse(frame.payload).unwrap() {
            for arg in message.args() {
                black_box(arg);
            }
        }
    }
}

fn encode(rounds: usize) {
    let mut out = Vec::with_capacity(64);
    for _ in 0..rounds {
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
    }
}

fn serve(batch: &[u8], rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let agent = Agent::builder().handlers(handlers::all()).build();
    let agent = agent.expect("an agent");
    runtime.block_on(agent.serve_connection(Feed::new(batch.to_vec(), rounds)));
}
