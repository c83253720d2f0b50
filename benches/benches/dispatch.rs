//! A whole connection without the kernel: from the bytes of a read to those of its write.

use divan::Bencher;
use divan::counter::ItemsCount;
use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa_benches::{feed::feed, frames, handlers};
use std::future::pending;

/// The reads for each HELLO: enough that the start of a connection does not count.
const READS: usize = 1000;

fn main() {
    divan::main();
}

const CASES: [&str; 8] = [
    "address",
    "ten-arguments",
    "three-messages",
    "async-ready",
    "body-8k",
    "inspect",
    "judge",
    "ignore",
];

#[divan::bench(args = CASES)]
fn notifys_32_in_a_read(bencher: Bencher<'_, '_>, case: &str) {
    notifys(bencher, case, 32);
}

#[divan::bench(args = CASES)]
fn notifys_1_in_a_read(bencher: Bencher<'_, '_>, case: &str) {
    notifys(bencher, case, 1);
}

fn notifys(bencher: Bencher<'_, '_>, case: &str, in_a_read: u64) {
    // More than the agent's buffer holds would not come in one read.
    let in_a_read = if case == "body-8k" {
        in_a_read.min(8)
    } else {
        in_a_read
    };
    let batch = frames::batch(&frames::messages(case), in_a_read);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let agent = Agent::builder().handlers(handlers::all()).build();
    let agent = agent.expect("an agent");
    bencher
        .counter(ItemsCount::new(READS * in_a_read as usize))
        .with_inputs(|| feed(batch.clone(), READS))
        .bench_local_values(|feed| {
            runtime.block_on(agent.serve_connection(feed, Peer::Memory, pending()))
        });
}
