//! Values of the program that own a runtime, as blocking clients do: tokio panics if a task drops one.

use crate::peer::{Peer, ack};
use spoa::State;
use spoa::agent::{Agent, FailedMessage, Observer};
use spoa::prelude::*;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::runtime::Runtime;

/// A client that says when it has been dropped.
struct Client {
    runtime: Option<Runtime>,
    name: &'static str,
    dropped: Sender<&'static str>,
}

impl Drop for Client {
    fn drop(&mut self) {
        // Panics here if tokio forbids the drop.
        drop(self.runtime.take());
        let _ = self.dropped.send(self.name);
    }
}

struct Rules;

struct Audit {
    _client: Client,
}

impl Observer for Audit {}

#[spoe_message("ping", set = "txn.pong")]
fn ping(State(_): State<'_, Client>, State(_): State<'_, Rules>) -> bool {
    true
}

/// An agent with a client wherever the program may give it one, and which of them have been dropped.
async fn agent() -> (Agent, Receiver<&'static str>) {
    let (dropped, drops) = channel();
    let client = |name| {
        let runtime = Some(Runtime::new().unwrap());
        let dropped = dropped.clone();
        Client {
            runtime,
            name,
            dropped,
        }
    };
    let (loader, failures, linker) = (client("loader"), client("failures"), client("linker"));
    let agent = Agent::builder()
        .handlers(handlers![ping])
        .state(client("state"))
        .observer(Audit {
            _client: client("observer"),
        })
        .on_failure(move |_: &FailedMessage<'_>| {
            let _ = &failures;
        })
        .spans_with_parent(move |_, _| {
            let _ = &linker;
        })
        .reloadable(async move || {
            let _ = &loader;
            Ok::<_, String>(Rules)
        })
        .await;
    (agent.unwrap().build().unwrap(), drops)
}

/// Returns what was dropped. The agent waits a second for each drop, which may be too short on a busy machine. A drop that
/// tokio forbids ends the channel.
fn sorted(drops: &Receiver<&'static str>) -> Vec<&'static str> {
    let next = || drops.recv_timeout(Duration::from_secs(20)).ok();
    let mut dropped: Vec<_> = ALL.iter().map_while(|_| next()).collect();
    dropped.sort_unstable();
    dropped
}

const ALL: [&str; 5] = ["failures", "linker", "loader", "observer", "state"];

#[tokio::test]
async fn the_only_thread_drops_values_with_a_runtime() {
    let (agent, drops) = agent().await;
    drop(agent);
    assert_eq!(sorted(&drops), ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_task_of_a_connection_drops_values_with_a_runtime() {
    let (agent, drops) = agent().await;
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    assert_eq!(
        peer.ask(&["ping"]).await,
        ack(1, &["set-var txn.pong = true"])
    );
    drop(agent);
    drop(peer.io);
    peer.agent.await.unwrap();
    assert_eq!(sorted(&drops), ALL);
}

#[tokio::test]
async fn a_value_that_replaces_none_is_dropped() {
    let (agent, _drops) = agent().await;
    let runtime = Runtime::new().unwrap();
    assert!(agent.reloader().replace(runtime).await.is_err());
}
