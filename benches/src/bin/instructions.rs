//! `instructions CASE ROUNDS`: runs one case ROUNDS times, for callgrind to count.
//!
//! The difference between two numbers of rounds is the cost of the rounds: see `benches/instructions`.

use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa_benches::{codec, feed::feed, frames, handlers};
use std::future::pending;

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
    (0..rounds).for_each(|_| codec::decode_and_walk(&frame));
}

fn encode(rounds: usize) {
    let mut out = Vec::with_capacity(64);
    (0..rounds).for_each(|_| codec::encode_ack(&mut out));
}

fn serve(batch: &[u8], rounds: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let agent = Agent::builder().handlers(handlers::all()).build();
    let agent = agent.expect("an agent");
    runtime.block_on(agent.serve_connection(feed(batch.to_vec(), rounds), Peer::Memory, pending()));
}
