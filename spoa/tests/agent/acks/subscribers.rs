//! A subscriber is code of the program's own, too.

use super::*;
use crate::scoped;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// A subscriber that panics at the events whose text begins with a word, and keeps the others.
#[derive(Clone)]
struct Panics {
    at: &'static str,
    kept: Arc<std::sync::Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Panics {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        assert!(!text.0.starts_with(self.at), "in a subscriber");
        self.kept.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[spoe_message("misspelt")]
fn misspelt(nn: Option<u8>) {
    let _ = nn;
}

#[spoe_message("too-much")]
fn too_much() -> [SetVar<String>; 2] {
    let large = "x".repeat(20_000);
    [
        SetVar::session("a", large.clone()),
        SetVar::session("b", large),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_loses_no_answer() {
    expect_panics();
    let (on_failure, none) = (OnFailure::Panics, Vec::new());
    let cases = [
        ("handler `error` failed", "error"),
        ("`on_failure` failed", "error"),
        ("no handler for", "unknown"),
        ("message `misspelt`", "misspelt"),
        ("handler `too_much`: 2 actions", "too-much"),
        ("NOTIFY ", "misspelt"),
        ("ACK ", "misspelt"),
    ];
    for (at, message) in cases {
        let kept = Arc::default();
        let subscriber = Panics { at, kept };
        let _guard = scoped::subscribe(subscriber);
        let builder = on_failure.set(agent().handlers(handlers![misspelt, too_much, before]));
        let mut peer = Peer::connect(builder).await;
        peer.send(&notify(3, &["slow"])).await;
        let mut expected = vec!["set-var sess.before = 7"];
        expected.extend(none.iter().map(String::as_str));
        let answer = peer.ask(&["before", message]).await;
        assert_eq!(answer, ack(1, &expected), "{at}");
        assert_eq!(
            peer.answer().await,
            ack(3, &["set-var sess.slow = 7"]),
            "{at}"
        );
    }
}

#[tokio::test]
async fn a_connection_whose_task_panics_is_logged() {
    expect_panics();
    let kept = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let subscriber = Panics {
        at: "HAPROXY-HELLO",
        kept: kept.clone(),
    };
    let _guard = scoped::subscribe(subscriber);
    let mut peer = Peer::silent(agent(), 1 << 16);
    peer.send(&hello(16380)).await;
    assert_eq!(peer.answer().await, Answer::Closed);
    // The task of the connection has nothing to catch.
    peer.agent.await.unwrap();
    let kept = kept.lock().unwrap();
    let line = "connection lost with all its answers: its task panicked: in a subscriber; ";
    assert!(kept.iter().any(|text| text.starts_with(line)), "{kept:?}");
}
