//! Values that are kept from one message of a request to the next.

use crate::peer::{Answer, Peer, ack};
use spoa::Transaction;
use spoa::agent::Agent;
use spoa::prelude::*;
use spoa::spop::{Capabilities, HaproxyHello, Value};
use spoa_test_support::notify;

#[spoe_message("put")]
fn put(n: u8, kept: Transaction<'_, u8>) {
    kept.put(n);
}

#[spoe_message("get", set = "txn.n")]
async fn get(kept: Transaction<'_, u8>) -> Option<u8> {
    tokio::task::yield_now().await;
    kept.get()
}

#[spoe_message("take", blocking, timeout = "60s", set = "txn.n")]
fn take(kept: Transaction<'_, u8>, other: Transaction<'_, u16>) -> Option<u8> {
    assert_eq!(other.take(), None);
    kept.take()
}

fn build(max_transactions: usize) -> Agent {
    let agent = Agent::builder()
        .handlers(handlers![put, get, take])
        .on_failure(|failed| SetVar::transaction("failed", failed.failure().to_string()))
        .limits(|limits| limits.max_transactions = max_transactions);
    agent.build().unwrap()
}

/// Connects an engine, which offers these capabilities.
async fn connect(agent: &Agent, engine: &str, capabilities: &str) -> Peer {
    let mut peer = Peer::to(agent, 1 << 16);
    let mut hello = Vec::new();
    HaproxyHello {
        supported_versions: "2.0",
        max_frame_size: 16380,
        capabilities: Capabilities::parse(capabilities),
        healthcheck: false,
        engine_id: Some(engine),
    }
    .encode(&mut hello);
    peer.send(&hello).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    peer
}

/// Sends a message; returns the actions.
async fn ask(peer: &mut Peer, stream: u64, message: &str, id: Value<'_>) -> Answer {
    let arguments: &[_] = &[("n", Value::Int64(7)), ("unique-id", id)];
    peer.send(&notify(stream, &[(message, arguments)])).await;
    peer.answer().await
}

const SEVEN: &str = "set-var txn.n = 7";

#[tokio::test]
async fn a_unique_id_joins_messages_of_any_stream_and_connection() {
    let agent = build(100);
    let mut one = connect(&agent, "one", "pipelining").await;
    let mut two = connect(&agent, "two", "pipelining").await;
    let (a, b) = (Value::String(b"a"), Value::String(b"b"));
    assert_eq!(ask(&mut one, 1, "put", a).await, ack(1, &[]));
    assert_eq!(ask(&mut two, 3, "get", b).await, ack(3, &[]));
    assert_eq!(ask(&mut two, 5, "get", a).await, ack(5, &[SEVEN]));
    assert_eq!(ask(&mut two, 7, "take", a).await, ack(7, &[SEVEN]));
    assert_eq!(ask(&mut two, 9, "take", a).await, ack(9, &[]));
    assert_eq!(agent.stats().transactions_kept, 0);
}

#[tokio::test]
async fn messages_of_one_stream_belong_together_up_to_haproxy_3_0() {
    let agent = build(100);
    let mut one = connect(&agent, "one", "pipelining,async").await;
    let mut again = connect(&agent, "one", "pipelining,async").await;
    let mut two = connect(&agent, "two", "pipelining,async").await;
    assert_eq!(ask(&mut one, 0, "put", Value::Null).await, ack(0, &[]));
    assert_eq!(ask(&mut two, 0, "take", Value::Null).await, ack(0, &[]));
    assert_eq!(ask(&mut one, 1, "take", Value::Null).await, ack(1, &[]));
    let taken = ask(&mut again, 0, "take", Value::Null).await;
    assert_eq!(taken, ack(0, &[SEVEN]));
}

#[tokio::test]
async fn without_a_unique_id_a_message_fails_from_haproxy_3_1_on() {
    let agent = build(100);
    let mut peer = connect(&agent, "one", "pipelining").await;
    for id in [Value::Null, Value::String(b"")] {
        let Answer::Ack(1, actions) = ask(&mut peer, 1, "put", id).await else {
            panic!("no ACK")
        };
        let [failed] = actions.as_slice() else {
            panic!("{actions:?}")
        };
        assert!(failed.contains("unique-id-format"), "{failed}");
    }
}

#[tokio::test]
async fn requests_without_a_response_do_not_pile_up() {
    let agent = build(10);
    let mut peer = connect(&agent, "one", "pipelining").await;
    for number in 0..100_u64 {
        let id = number.to_string();
        let id = Value::String(id.as_bytes());
        assert_eq!(
            ask(&mut peer, 2 * number + 1, "put", id).await,
            ack(2 * number + 1, &[])
        );
    }
    let stats = agent.stats();
    let counts = (stats.transactions_kept, stats.transactions_evicted);
    assert_eq!(counts, (10, 90));
    let youngest = ask(&mut peer, 201, "take", Value::String(b"99")).await;
    assert_eq!(youngest, ack(201, &[SEVEN]));
}
