//! Whatever a handler does, its NOTIFY gets one ACK, and its siblings keep their actions.

use crate::handlers::{agent, error, sync};
use crate::peer::{Answer, Peer, ack, notify};
use crate::secrets::Log;
use spoa::agent::{Agent, AgentBuilder, FailedMessage};
use spoa::handler::Failure;
use spoa::prelude::*;
use std::time::Duration;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_failing_handler_loses_only_its_own_actions() {
    let mut peer = Peer::connect(agent()).await;
    let failing = [
        "error",
        "half",
        "panic",
        "async-panic",
        "picky",
        "bad-name",
        "unknown",
    ];
    for name in failing.into_iter().chain(["never", "drop-panic"]) {
        let answer = peer.ask(&["sync", name, "ready"]).await;
        let expected = ack(1, &["set-var sess.sync = 7", "set-var sess.ready = 7"]);
        assert_eq!(answer, expected, "beside `{name}`");
    }
    assert_eq!(
        peer.ask(&["sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_blocking_pool_is_a_failure_too() {
    let mut peer = Peer::connect(agent()).await;
    let answer = peer.ask(&["blocking", "blocking-panic", "sync"]).await;
    assert_eq!(
        answer,
        ack(1, &["set-var sess.blocking = 7", "set-var sess.sync = 7"])
    );
}

pub(crate) fn cause(failed: &FailedMessage<'_>) -> SetVar<&'static str> {
    let cause = match failed.failure() {
        Failure::Rejected(_) => "rejected",
        Failure::Error(_) => "error",
        Failure::Panicked(_) => "panicked",
        Failure::TimedOut(_) => "timed out",
        Failure::BadVariable(_) => "bad variable",
        Failure::Overloaded(_) => "overloaded",
        _ => "other",
    };
    SetVar::transaction("cause", cause)
}

#[tokio::test(start_paused = true)]
async fn on_failure_gives_actions_in_the_place_of_the_handlers() {
    let mut peer = Peer::connect(agent().on_failure(cause)).await;
    for (name, cause) in [
        ("error", "error"),
        ("half", "error"),
        ("panic", "panicked"),
        ("async-panic", "panicked"),
        ("picky", "rejected"),
        ("bad-name", "bad variable"),
        ("never", "timed out"),
        ("drop-panic", "timed out"),
    ] {
        let set = format!("set-var txn.cause = \"{cause}\"");
        let expected = ack(
            1,
            &["set-var sess.sync = 7", &set, "set-var sess.ready = 7"],
        );
        assert_eq!(peer.ask(&["sync", name, "ready"]).await, expected);
    }
}

fn own(failed: &FailedMessage<'_>) -> SetVar<&'static str> {
    SetVar::session("own", *cause(failed).value())
}

#[spoe_message("own-error", on_failure = own)]
fn own_error() -> Result<SetVar<u8>, String> {
    Err("the database is down".to_owned())
}

#[spoe_message("own-half", on_failure = own)]
fn own_half() -> (SetVar<u8>, Result<(), String>) {
    (SetVar::session("half", 1), Err("half".to_owned()))
}

#[spoe_message("own-panic", on_failure = own)]
fn own_panic() {
    panic!("at the disco")
}

#[spoe_message("own-picky", on_failure = own)]
fn own_picky(missing: u8) -> SetVar<u8> {
    SetVar::session("picky", missing)
}

#[spoe_message("own-late", timeout = "20ms", on_failure = own)]
async fn own_late() {
    std::future::pending().await
}

#[spoe_message("own-async-panic", on_failure = own)]
async fn own_async_panic() {
    tokio::task::yield_now().await;
    panic!("later at the disco")
}

#[spoe_message("own-blocking", blocking, on_failure = own)]
fn own_blocking() -> Result<(), String> {
    Err("in the basement".to_owned())
}

#[spoe_message("own-bad", on_failure = |_| -> Actions { panic!("me too") })]
fn own_bad() -> Result<(), String> {
    Err("first".to_owned())
}

#[spoe_message("own-bad-later", on_failure = |_| (SetVar::session("a", 1), Err::<(), _>("me too")))]
async fn own_bad_later() -> Result<(), String> {
    tokio::task::yield_now().await;
    Err("first".to_owned())
}

#[spoe_fallback(on_failure = own)]
fn own_fallback() -> Result<(), String> {
    Err("unknown".to_owned())
}

fn with_own() -> AgentBuilder {
    Agent::builder().on_failure(cause).handlers(handlers![
        sync,
        error,
        own_error,
        own_half,
        own_panic,
        own_picky,
        own_late,
        own_async_panic,
        own_blocking,
        own_bad,
        own_bad_later,
        own_fallback
    ])
}

#[tokio::test(start_paused = true)]
async fn a_handlers_own_on_failure_takes_the_place_of_the_agents() {
    let mut peer = Peer::connect(with_own()).await;
    for (name, cause) in [
        ("own-error", "error"),
        ("own-half", "error"),
        ("own-panic", "panicked"),
        ("own-picky", "rejected"),
        ("own-late", "timed out"),
        ("own-async-panic", "panicked"),
        ("own-blocking", "error"),
        ("of-the-fallback", "error"),
    ] {
        let set = format!("set-var sess.own = \"{cause}\"");
        let agents = "set-var txn.cause = \"error\"";
        let expected = ack(1, &["set-var sess.sync = 7", &set, agents]);
        assert_eq!(peer.ask(&["sync", name, "error"]).await, expected, "{name}");
    }
    assert!(!peer.has_more());
}

#[tokio::test]
async fn a_handlers_own_on_failure_gets_refused_messages() {
    let limits = |limits: &mut spoa::agent::Limits| limits.max_blocking = 0;
    let mut peer = Peer::connect(with_own().limits(limits)).await;
    let answer = peer.ask(&["own-blocking"]).await;
    assert_eq!(answer, ack(1, &["set-var sess.own = \"overloaded\""]));
}

#[tokio::test]
async fn a_handlers_own_on_failure_that_fails_gives_nothing() {
    let mut peer = Peer::connect(with_own()).await;
    for name in ["own-bad", "own-bad-later"] {
        let answer = peer.ask(&["sync", name]).await;
        assert_eq!(answer, ack(1, &["set-var sess.sync = 7"]), "{name}");
        assert_eq!(
            peer.ask(&["sync"]).await,
            ack(1, &["set-var sess.sync = 7"])
        );
    }
    assert!(!peer.has_more());
}

/// Two handlers fail all the time, one of them answers half of its messages.
#[tokio::test]
async fn an_outage_has_one_line_a_second() {
    #[spoe_message("away")]
    fn away() -> Result<(), String> {
        Err("the database is away".to_owned())
    }
    #[spoe_message("odd")]
    fn odd(context: spoa::Context<'_>) -> Result<SetVar<bool>, String> {
        match context.stream_id() % 2 {
            0 => Err("the cache is away".to_owned()),
            _ => Ok(SetVar::session("odd", true)),
        }
    }
    let log = Log::default();
    let _guard = log.subscribe(Level::WARN);
    let builder = Agent::builder().handlers(handlers![away, odd]);
    let mut peer = Peer::connect(builder.on_failure(cause)).await;
    // Both fail for the first one, so that a summary cannot come before the line of one of them.
    let mut stream = 1;
    while log.text().matches("handlers are failing").count() < 2 {
        stream += 1;
        peer.send(&notify(stream, &["away", "odd"])).await;
        let _ = peer.answer().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let text = log.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].contains("handler `away` failed: the database is away"),
        "{text}"
    );
    assert!(
        lines[1].contains("handler `odd` failed: the cache is away"),
        "{text}"
    );
    let mut told = 0;
    for line in &lines[2..] {
        let numbers = |name: &str| {
            let (_, rest) = line.split_once(&format!("`{name}` for ")).unwrap();
            let (numbers, rest) = rest.split_once(" messages (").unwrap();
            let (failed, of) = numbers.split_once(" of ").unwrap();
            let failed: u64 = failed.parse().unwrap();
            assert!(
                rest.starts_with(&format!("{failed} with an error)")),
                "{line}"
            );
            (failed, of.parse::<u64>().unwrap())
        };
        let (failed, of) = numbers("away");
        assert_eq!(failed, of, "{line}");
        told += failed;
        let (failed, of) = numbers("odd");
        assert!(failed.abs_diff(of - failed) <= 1, "{line}");
        assert!(line.contains("; the last one, `"), "{line}");
        assert!(!line.contains("action"), "{line}");
    }
    // Each failure but the first is in one of the two lines. The first stream is 2.
    assert_eq!(told, stream - 2);
}

#[tokio::test]
async fn an_on_failure_that_fails_itself_gives_nothing() {
    let mut peer = Peer::connect(agent().on_failure(|_| -> Actions { panic!("me too") })).await;
    assert_eq!(
        peer.ask(&["error", "sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );

    let half = |_: &FailedMessage<'_>| {
        (
            SetVar::session("a", 1),
            SetVar::session(String::from("b-c"), 1),
        )
    };
    let mut peer = Peer::connect(agent().on_failure(half)).await;
    assert_eq!(
        peer.ask(&["error", "sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );
}

#[tokio::test]
async fn on_failure_sees_message_cause_and_context() {
    let words = |failed: &FailedMessage<'_>| {
        let context = failed.context();
        let engine = context.engine_id().unwrap_or_default();
        SetVar::session(
            "w",
            format!("{} {engine} {}", failed.message_name(), context.stream_id()),
        )
    };
    let mut peer = Peer::connect(agent().on_failure(words)).await;
    assert_eq!(
        peer.ask(&["error"]).await,
        ack(1, &["set-var sess.w = \"error engine-1 1\""])
    );
}

#[tokio::test(start_paused = true)]
async fn each_handler_of_a_notify_has_its_own_deadline() {
    let mut peer = Peer::connect(
        agent()
            .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(20)))
            .on_failure(cause),
    )
    .await;
    let start = tokio::time::Instant::now();
    peer.send(&notify(3, &["slow"])).await;
    peer.send(&notify(5, &["sync"])).await;
    assert_eq!(peer.answer().await, ack(5, &["set-var sess.sync = 7"]));
    assert_eq!(
        peer.answer().await,
        ack(3, &["set-var txn.cause = \"timed out\""])
    );
    assert_eq!(start.elapsed().as_millis(), 20);
}

#[tokio::test]
async fn an_ack_too_large_for_the_frame_loses_whole_actions_from_its_end() {
    let mut peer = Peer::with_frames(agent(), 256).await;
    let Answer::Ack(1, actions) = peer.ask(&["sync", "large"]).await else {
        panic!("no ACK")
    };
    let names: Vec<_> = actions
        .iter()
        .map(|a| a.split(" = ").next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["set-var sess.sync", "set-var sess.v0", "set-var sess.v1"]
    );
}

#[tokio::test]
async fn handlers_that_panic_when_their_connection_dies_affect_no_other_connection() {
    let mut peer = Peer::connect(agent().limits(|limits| limits.handler_timeout = None)).await;
    let answer = peer.ask(&["sync"]).await;
    assert_eq!(answer, ack(1, &["set-var sess.sync = 7"]));
    peer.send(&notify(3, &["drop-panic", "drop-panic"])).await;
    peer.send(&notify(5, &["sync"])).await;
    assert_eq!(peer.answer().await, ack(5, &["set-var sess.sync = 7"]));
    drop(peer.io);
    peer.agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_waiting_handlers_of_one_notify_are_limited() {
    let mut peer = Peer::connect(agent().on_failure(cause)).await;
    let Answer::Ack(1, actions) = peer.ask(&["never"; 300]).await else {
        panic!("no ACK")
    };
    let given = |cause| {
        let set = format!("set-var txn.cause = \"{cause}\"");
        actions.iter().filter(|action| **action == set).count()
    };
    assert_eq!((given("timed out"), given("overloaded")), (256, 44));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped")
    }
}

#[spoe_message("sync-bomb")]
fn sync_bomb() -> SetVar<u8> {
    let _bomb = Bomb;
    SetVar::session("bomb", 1)
}

#[spoe_message("async-bomb")]
async fn async_bomb() -> SetVar<u8> {
    let _bomb = Bomb;
    tokio::time::sleep(Duration::from_millis(1)).await;
    SetVar::session("bomb", 1)
}

#[spoe_message("blocking-bomb", blocking)]
fn blocking_bomb() -> SetVar<u8> {
    let _bomb = Bomb;
    SetVar::session("bomb", 1)
}

#[spoe_fallback]
async fn fallback_bomb() -> SetVar<u8> {
    let _bomb = Bomb;
    tokio::time::sleep(Duration::from_millis(1)).await;
    SetVar::session("bomb", 1)
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_drop_is_a_failure_like_others() {
    let bombs = handlers![sync_bomb, async_bomb, blocking_bomb, fallback_bomb];
    let mut peer = Peer::connect(agent().handlers(bombs).on_failure(cause)).await;
    for name in ["sync-bomb", "async-bomb", "blocking-bomb", "of no handler"] {
        let expected = [
            "set-var sess.sync = 7",
            "set-var txn.cause = \"panicked\"",
            "set-var sess.ready = 7",
        ];
        let answer = peer.ask(&["sync", name, "ready"]).await;
        assert_eq!(answer, ack(1, &expected), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_done_at_its_deadline_is_answered_once() {
    let mut peer = Peer::connect(
        agent().limits(|limits| limits.handler_timeout = Some(Duration::from_millis(50))),
    )
    .await;
    for stream in [1, 3, 5] {
        peer.send(&notify(stream, &["slow"])).await;
        assert!(matches!(peer.answer().await, Answer::Ack(id, _) if id == stream));
    }
    let done = ack(1, &["set-var sess.sync = 7"]);
    assert_eq!(peer.ask(&["sync"]).await, done);
}
