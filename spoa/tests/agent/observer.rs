//! The observer around all handlers: what it is told, what it withholds, and what its own mistakes do.

use crate::scoped::Log;
use spoa::agent::{Agent, AgentBuilder, HandlerBegun, HandlerEnded, HandlerOutcome, Observer};
use spoa::client::Client;
use spoa::handler::{Failure, Peer};
use spoa::http::UniqueId;
use spoa::prelude::*;
use spoa::spop::Message;
use spoa::testing::TestAgent;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Returns its argument at once.
#[spoe_message("in-place")]
fn in_place(id: UniqueId<'_>, n: i32, #[arg(secret)] token: &str) -> SetVar<i32> {
    let _ = (id, token);
    SetVar::transaction("n", n)
}

#[spoe_message("at-once")]
async fn at_once(n: i32) -> SetVar<i32> {
    SetVar::transaction("n", n)
}

#[spoe_message("waits", timeout = "20ms")]
async fn waits(id: UniqueId<'_>, ms: u64) -> SetVar<u64> {
    let _ = id;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    SetVar::transaction("ms", ms)
}

#[spoe_message("blocks", blocking)]
fn blocks(n: i32) -> SetVar<i32> {
    SetVar::transaction("n", n)
}

#[spoe_message("fails", on_failure = |_| SetVar::transaction("failed", true))]
fn fails(n: i32) -> Result<SetVar<i32>, HandlerError> {
    Err(HandlerError::new(format!("no {n}")))
}

#[spoe_message("panics")]
async fn panics() {
    panic!("oh");
}

#[spoe_message("never", timeout = "60s")]
async fn never() {
    pending::<()>().await;
}

#[spoe_fallback]
fn others(message: Message<'_>) {
    let _ = message;
}

/// Notes what it is told, and withholds all actions or none.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    withholds: bool,
}

impl Notes {
    fn add(&self, line: String) {
        let lines = self.lines.lock();
        lines.unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn take(&self) -> Vec<String> {
        let lines = self.lines.lock();
        std::mem::take(&mut *lines.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Notes {
    fn begun(&self, begun: &HandlerBegun<'_>) {
        let arguments = begun.arguments();
        let arguments: Vec<_> = arguments
            .map(|argument| format!("{}={}", argument.name, argument.value))
            .collect();
        self.add(format!(
            "{} {} begins: {}",
            begun.message_name(),
            begun.req_id().unwrap_or_default(),
            arguments.join(" ")
        ));
    }

    fn ended(&self, ended: &HandlerEnded<'_>) {
        let outcome = match ended.outcome() {
            HandlerOutcome::Done => "done".to_owned(),
            HandlerOutcome::Failed(failure) => format!("failed ({failure})"),
            outcome => format!("{outcome:?}"),
        };
        let actions: Vec<_> = ended.actions().map(|action| action.to_string()).collect();
        self.add(format!(
            "{} {} {outcome}: {}",
            ended.message_name(),
            ended.req_id().unwrap_or_default(),
            actions.join(", ")
        ));
        // A panic here would only be logged, so a mistake is a line of its own.
        let began = !matches!(
            ended.outcome(),
            HandlerOutcome::Failed(Failure::Overloaded(_))
        );
        let deadline = ended.context().deadline().is_some();
        if began && deadline != ended.handler().timeout().is_some() {
            self.add("wrong deadline".to_owned());
        }
        let waits = matches!(ended.handler().message_name(), Some("waits" | "never"));
        if began && waits && ended.time() < Duration::from_millis(5) {
            self.add(format!("wrong time {:?}", ended.time()));
        }
    }

    fn withholds(&self, _: &HandlerEnded<'_>) -> bool {
        self.withholds
    }
}

fn builder() -> AgentBuilder {
    let handlers = handlers![
        in_place, at_once, waits, blocks, fails, panics, never, others
    ];
    Agent::builder()
        .handlers(handlers)
        .limits(|limits| limits.handler_timeout = None)
}

fn observed(observer: impl Observer) -> TestAgent {
    TestAgent::build(builder().observer(observer)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_handler_begins_and_ends_whatever_it_does() {
    let notes = Notes::default();
    let agent = observed(notes.clone());
    let seven: &spoa::testing::CallArgs<'_> = &[("n", &7)];
    for (message, args, begins, ends) in [
        (
            "in-place",
            &[
                ("id", &"a1" as _),
                ("n", &7 as _),
                ("token", &"hunter2" as _),
            ][..],
            "in-place a1 begins: id=\"a1\" n=7",
            "in-place a1 done: set-var txn.n = 7",
        ),
        (
            "in-place",
            &[("id", &"a2" as _)],
            "in-place a2 begins: id=\"a2\"",
            "in-place a2 failed (",
        ),
        (
            "at-once",
            seven,
            "at-once  begins: n=7",
            "at-once  done: set-var txn.n = 7",
        ),
        (
            "waits",
            &[("id", &"b1" as _), ("ms", &5 as _)],
            "waits b1 begins: id=\"b1\" ms=5",
            "waits b1 done: set-var txn.ms = 5",
        ),
        (
            "waits",
            &[("id", &"b2" as _), ("ms", &50 as _)],
            "waits b2 begins: id=\"b2\" ms=50",
            "waits b2 failed (timed out: ",
        ),
        (
            "blocks",
            seven,
            "blocks  begins: n=7",
            "blocks  done: set-var txn.n = 7",
        ),
        (
            "fails",
            seven,
            "fails  begins: n=7",
            "fails  failed (no 7): set-var txn.failed = true",
        ),
        (
            "panics",
            &[],
            "panics  begins: ",
            "panics  failed (panicked: oh",
        ),
        ("else", seven, "else  begins: n=7", "else  done: "),
    ] {
        agent.call(message, args).await.unwrap();
        let lines = notes.take();
        assert_eq!(lines.len(), 2, "{message}: {lines:?}");
        assert_eq!(lines[0], begins);
        assert!(lines[1].starts_with(ends), "{}", lines[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_not_started_is_observed() {
    let notes = Notes::default();
    let builder = builder().observer(notes.clone());
    let agent = builder
        .limits(|limits| limits.max_in_flight = 0)
        .build()
        .unwrap();
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::spawn(agent.serve_connection(theirs, Peer::Memory, pending()));
    let client = Client::options().over(ours).await.unwrap();
    // One handler waits, at least; the next one finds no place.
    let most = agent.limits().max_in_flight;
    let calls: Vec<_> = (0..most)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send("never", &[]).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(notes.take().len(), most);
    client.send("never", &[]).await.unwrap();
    let lines = notes.take();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[1].starts_with("never  failed (overloaded: "),
        "{lines:?}"
    );
    drop((calls, client));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_dropped_with_its_connection_has_ended() {
    let notes = Notes::default();
    let agent = builder().observer(notes.clone()).build().unwrap();
    let (ours, theirs) = tokio::io::duplex(4096);
    let served = tokio::spawn(agent.serve_connection(theirs, Peer::Memory, pending()));
    let client = Client::options().over(ours).await.unwrap();
    let sent = tokio::time::timeout(Duration::from_millis(10), client.send("never", &[])).await;
    assert!(sent.is_err());
    assert_eq!(notes.take(), ["never  begins: "]);
    drop(client);
    served.await.unwrap();
    assert_eq!(notes.take(), ["never  Dropped: "]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_decides_and_sets_nothing() {
    let notes = Notes {
        withholds: true,
        ..Notes::default()
    };
    let agent = observed(notes.clone());
    let in_place: &spoa::testing::CallArgs<'_> = &[("id", &"a"), ("n", &7), ("token", &"t")];
    let waits: &spoa::testing::CallArgs<'_> = &[("id", &"a"), ("ms", &5)];
    for (message, args, decided) in [
        ("in-place", in_place, "set-var txn.n = 7"),
        ("at-once", &in_place[1..2], "set-var txn.n = 7"),
        ("waits", waits, "set-var txn.ms = 5"),
        ("fails", &in_place[1..2], "set-var txn.failed = true"),
    ] {
        let answer = agent.call(message, args).await.unwrap();
        assert!(answer.actions().is_empty(), "{message}: {answer:?}");
        let lines = notes.take();
        assert!(lines[1].ends_with(decided), "{message}: {lines:?}");
        // A rule that asks for success sees it, and a handler that failed has none.
        let asks: (&str, &dyn spoa::handler::AsValue) = ("spoa-answered", &"txn.answered");
        let args: Vec<_> = [asks].into_iter().chain(args.iter().copied()).collect();
        let answer = agent.call(message, &args).await.unwrap();
        let set: Vec<_> = answer.actions().iter().map(ToString::to_string).collect();
        match message {
            "fails" => assert!(set.is_empty(), "{set:?}"),
            _ => assert_eq!(set, ["set-var txn.answered = true"], "{message}"),
        }
        notes.take();
    }
}

/// Panics wherever it is called.
struct Clumsy;

impl Observer for Clumsy {
    fn begun(&self, _: &HandlerBegun<'_>) {
        panic!("begun");
    }

    fn ended(&self, _: &HandlerEnded<'_>) {
        panic!("ended");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_costs_no_answer() {
    let log = Log::default();
    let _guard = log.subscribe();
    let agent = observed(Clumsy);
    let args: &spoa::testing::CallArgs<'_> = &[("id", &"a"), ("n", &7), ("ms", &5)];
    for message in ["at-once", "waits", "fails"] {
        let answer = agent.call(message, args).await.unwrap();
        assert_eq!(answer.actions().len(), 1, "{message}");
    }
    let log = log.text();
    assert!(
        log.contains("ERROR spoa: observer panicked: begun"),
        "{log}"
    );
}
