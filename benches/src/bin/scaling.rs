//! `scaling [ROUNDS]`: measures the gain of a second worker thread, without a load generator that needs a core
//! of its own. 16 connections in memory, whose peer costs a copy of its batch, are served by one
//! worker and by two, in turn; the ratio of their throughputs is printed.

use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa_benches::{feed::feed, frames, handlers};
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

const CONNECTIONS: usize = 16;

/// Reads for each connection, each of `BATCH` NOTIFYs.
const READS: usize = 20_000;
const BATCH: u64 = 32;

fn main() {
    let rounds = std::env::args().nth(1);
    let rounds = rounds.map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    let agent = Agent::builder().handlers(handlers::all()).build();
    let agent = Arc::new(agent.expect("an agent"));
    for case in ["address", "ten-arguments", "async-ready"] {
        let batch = frames::batch(&frames::messages(case), BATCH);
        let mut ratios: Vec<_> = (0..rounds)
            .map(|_| {
                let [one, two] = [1, 2].map(|workers| notifys_per_second(&agent, &batch, workers));
                println!("{case:14} {one:12.0} {two:12.0} {:5.2}", two / one);
                two / one
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!("{case:14} median of the ratios {:5.2}", ratios[rounds / 2]);
    }
}

fn notifys_per_second(agent: &Arc<Agent>, batch: &[u8], workers: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .expect("a runtime");
    let start = Instant::now();
    runtime.block_on(async {
        let connections = (0..CONNECTIONS).map(|_| {
            let (agent, feed) = (agent.clone(), feed(batch.to_vec(), READS));
            tokio::spawn(async move { agent.serve_connection(feed, Peer::Memory, pending()).await })
        });
        for connection in connections.collect::<Vec<_>>() {
            connection.await.expect("it ends with its peer");
        }
    });
    (CONNECTIONS * READS) as f64 * BATCH as f64 / start.elapsed().as_secs_f64()
}
