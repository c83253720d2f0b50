//! Clients that are broken, confused or hostile: what each sends, and what it gets for it.
//!
//! A case is bytes and the answers to them. Its last answer says how it ends: with `Closed` the agent
//! has closed the connection; with any other the connection is unharmed, and the next good NOTIFY on
//! it is answered. After every case the same agent serves a fresh connection, and no task of its has
//! panicked.

mod frames;
mod greetings;
mod hellos;
mod payloads;
mod scripts;

use crate::handlers;
use crate::peer::{Answer, Peer, ack, hello, notify};
use spoa::agent::{Agent, FailedMessage};
use spoa::handler::Failure;
use spoa::spop::varint;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Longer than any timeout of the agent: on paused time it costs nothing.
const PATIENCE: Duration = Duration::from_secs(3600);

struct Case {
    name: &'static str,
    /// Whether the HELLOs are exchanged first.
    greeted: bool,
    sends: Vec<u8>,
    answers: Vec<Answer>,
}

/// A client whose first bytes are these.
fn first(name: &'static str, sends: impl Into<Vec<u8>>, answers: Vec<Answer>) -> Case {
    Case {
        name,
        greeted: false,
        sends: sends.into(),
        answers,
    }
}

/// A client that says HELLO properly, and then this.
fn then(name: &'static str, sends: impl Into<Vec<u8>>, answers: Vec<Answer>) -> Case {
    Case {
        greeted: true,
        ..first(name, sends, answers)
    }
}

/// Closed silently.
fn silently() -> Vec<Answer> {
    vec![Answer::Closed]
}

/// Closed with a DISCONNECT of this status.
fn refused(status: u32) -> Vec<Answer> {
    vec![Answer::Disconnect(status), Answer::Closed]
}

/// One ACK to stream 1, with what `sync` gives for 7.
fn answered() -> Vec<Answer> {
    vec![ack(1, &["set-var sess.sync = 7"])]
}

/// One ACK to stream 1, without actions.
fn in_vain() -> Vec<Answer> {
    vec![ack(1, &[])]
}

fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A length in front, and then the text.
fn text(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::encode(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

/// A frame with these bytes after its length.
fn raw(bytes: &[u8]) -> Vec<u8> {
    concat(&[&(bytes.len() as u32).to_be_bytes(), bytes])
}

/// The agent of [`handlers`], which counts the handlers that panicked.
fn agent() -> (Agent, Arc<AtomicUsize>) {
    let panics = Arc::new(AtomicUsize::new(0));
    let seen = panics.clone();
    let count = move |failed: &FailedMessage<'_>| {
        if matches!(failed.failure(), Failure::Panicked(_)) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    };
    let agent = handlers::agent().on_failure(count).build().unwrap();
    (agent, panics)
}

async fn answer(peer: &mut Peer, name: &str) -> Answer {
    let answer = tokio::time::timeout(PATIENCE, peer.answer()).await;
    answer.unwrap_or_else(|_| panic!("{name}: the agent says nothing"))
}

/// The next good NOTIFY is answered.
async fn is_unharmed(peer: &mut Peer, name: &str) {
    peer.send(&notify(999, &["sync", "ready"])).await;
    let expected = ack(999, &["set-var sess.sync = 7", "set-var sess.ready = 7"]);
    assert_eq!(answer(peer, name).await, expected, "{name}: afterwards");
}

/// The agent serves the next peer.
async fn serves(agent: &Agent, name: &str) {
    let mut peer = Peer::to(agent, 1 << 16);
    peer.send(&hello(16380)).await;
    assert_eq!(answer(&mut peer, name).await, Answer::Hello);
    is_unharmed(&mut peer, name).await;
    drop(peer.io);
    peer.agent.await.expect("no task panics");
}

async fn run(cases: Vec<Case>) {
    let (agent, panics) = agent();
    let mut names = HashSet::new();
    for case in cases {
        let name = case.name;
        assert!(names.insert(name), "{name}: there are two of this name");
        let mut peer = Peer::to(&agent, 1 << 20);
        if case.greeted {
            peer.send(&hello(16380)).await;
            assert_eq!(answer(&mut peer, name).await, Answer::Hello, "{name}");
        }
        peer.send(&case.sends).await;
        for expected in &case.answers {
            assert_eq!(answer(&mut peer, name).await, *expected, "{name}");
        }
        match case.answers.last() {
            Some(Answer::Closed) => {}
            _ => is_unharmed(&mut peer, name).await,
        }
        drop(peer.io);
        peer.agent
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        serves(&agent, name).await;
        assert_eq!(panics.load(Ordering::Relaxed), 0, "{name}: panics");
    }
}
