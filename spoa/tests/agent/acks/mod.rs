//! One ACK for each NOTIFY, whatever user code does: every piece of it that the crate calls, on every
//! path, beside neighbours that are to be unharmed.

mod given_up;
mod pieces;
mod reloaded;
mod subscribers;

use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, hello, notify};
use crate::secrets::Log;
use pieces::{Bad, PATHS, Payload, SERVING, Wrong, pieces};
use spoa::agent::Agent;
use spoa::agent::{AgentBuilder, FailedMessage};
use spoa::handler::Failure;
use spoa::prelude::*;
use std::fmt::Write;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// The behaviour of `on_failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnFailure {
    Absent,
    Gives,
    Panics,
    Fails(Wrong),
    Shows,
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Rejected(_) => "rejected",
        Failure::Error(_) => "error",
        Failure::Panicked(_) => "panicked",
        Failure::TimedOut(_) => "timed out",
        Failure::Stopped(_) => "stopped",
        _ => "other",
    }
}

impl OnFailure {
    fn set(self, builder: AgentBuilder) -> AgentBuilder {
        let gives =
            |failed: &FailedMessage<'_>| SetVar::transaction("cause", kind(failed.failure()));
        match self {
            OnFailure::Absent => builder,
            OnFailure::Gives => builder.on_failure(gives),
            OnFailure::Panics => builder.on_failure(|_| -> Actions { panic!("in on_failure") }),
            OnFailure::Fails(wrong) => {
                builder.on_failure(move |_| (SetVar::session("half", 1), Err::<(), _>(Bad(wrong))))
            }
            OnFailure::Shows => builder.on_failure(move |failed| {
                let text = failed.failure().to_string();
                (gives(failed), SetVar::transaction("text", !text.is_empty()))
            }),
        }
    }

    fn actions(self, kind: &str) -> Vec<String> {
        let cause = format!("set-var txn.cause = \"{kind}\"");
        match self {
            OnFailure::Gives => vec![cause],
            OnFailure::Shows => vec![cause, "set-var txn.text = true".to_owned()],
            _ => Vec::new(),
        }
    }
}

#[spoe_message("before")]
fn before(n: u8) -> SetVar<u8> {
    SetVar::session("before", n)
}

#[spoe_message("after")]
async fn after(n: u8) -> SetVar<u8> {
    SetVar::session("after", n)
}

#[spoe_message("neighbour")]
async fn neighbour(n: u8) -> SetVar<u8> {
    sleep(Duration::from_millis(20)).await;
    SetVar::session("neighbour", n)
}

/// Sends the bad message between two others, while a neighbour is in flight; nothing is to be amiss but
/// the bad one's own actions.
async fn check(builder: AgentBuilder, given: &[String], what: &str) {
    let builder = builder.handlers(handlers![before, after, neighbour]);
    SERVING.store(false, Ordering::Relaxed);
    let agent = builder.build().unwrap();
    SERVING.store(true, Ordering::Relaxed);
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.greet().await;
    peer.send(&notify(3, &["neighbour"])).await;
    let mut expected = vec!["set-var sess.before = 7"];
    expected.extend(given.iter().map(String::as_str));
    expected.push("set-var sess.after = 7");
    peer.send(&notify(1, &["before", "bad", "after"])).await;
    let mut answers = [peer.answer().await, peer.answer().await];
    // One that takes longer than the neighbour comes after it.
    answers.sort_by_key(|answer| matches!(answer, Answer::Ack(3, _)));
    let neighbours = ack(3, &["set-var sess.neighbour = 7"]);
    assert_eq!(answers, [ack(1, &expected), neighbours], "{what}");
    // Its actions wait for those of the message before.
    let mut expected = vec!["set-var sess.neighbour = 7"];
    expected.extend(given.iter().map(String::as_str));
    let answer = peer.ask(&["neighbour", "bad"]).await;
    assert_eq!(answer, ack(1, &expected), "{what}");
    // The connection serves on, and nothing else was on its way.
    let next = peer.ask(&["before"]).await;
    assert_eq!(next, ack(1, &["set-var sess.before = 7"]), "{what}");
    assert!(!peer.has_more(), "{what}");
}

/// A log that is as it should be: each line of it is a whole record.
fn check_log(log: &str, failures: usize) {
    for line in log.lines() {
        let (_, rest) = line.split_once("Z ").unwrap_or_default();
        let rest = rest.trim_start();
        let level = ["WARN", "ERROR"]
            .iter()
            .find(|level| rest.starts_with(**level));
        let level = level.unwrap_or_else(|| panic!("not a record: {line}"));
        assert_eq!(line.matches(*level).count(), 1, "two records: {line}");
        assert!(!line.contains(char::is_control), "{line}");
    }
    let failed = log
        .lines()
        .filter(|line| line.contains(" failed: "))
        .count();
    assert!(
        failed >= failures,
        "{failed} failures of {failures}:\n{log}"
    );
}

/// Tries everything with this `on_failure`; how many cells of the table that makes.
async fn check_all(on_failure: OnFailure) -> usize {
    let mut checked = 0;
    for piece in pieces() {
        for (path, definition) in PATHS.iter().zip(piece.paths) {
            let builder = on_failure.set(Agent::builder().handlers([definition]));
            let given = on_failure.actions(piece.kind);
            let what = format!("{} on the path `{path}`, {on_failure:?}", piece.name);
            check(builder, &given, &what).await;
            checked += 1;
        }
    }
    checked
}

/// Keeps quiet about the panics of user code above, whose texts begin with `in `.
fn expect_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            let payload = panic.payload();
            let text = payload.downcast_ref::<&str>();
            let expected = text.is_some_and(|text| text.starts_with("in "));
            if !expected && !payload.is::<Payload>() {
                others(panic);
            }
        }));
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

const ON_FAILURE: [OnFailure; 9] = [
    OnFailure::Absent,
    OnFailure::Gives,
    OnFailure::Shows,
    OnFailure::Panics,
    OnFailure::Fails(Wrong::DisplayPanics),
    OnFailure::Fails(Wrong::DisplayFails),
    OnFailure::Fails(Wrong::SourcePanics),
    OnFailure::Fails(Wrong::DropPanics),
    OnFailure::Fails(Wrong::DisplayAndDropPanic),
];

#[test]
fn whatever_user_code_does_each_notify_has_one_ack() {
    expect_panics();
    for on_failure in ON_FAILURE {
        // Without a subscriber, and with one.
        let checked = runtime().block_on(check_all(on_failure));
        let log = Log::default();
        let guard = log.subscribe(tracing::Level::WARN);
        assert_eq!(runtime().block_on(check_all(on_failure)), checked);
        drop(guard);
        check_log(&log.text(), checked);
    }
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_tests() {
    let ways = 2 * ON_FAILURE.len();
    let mut table = format!(
        "| what goes wrong | `on_failure` sees | {} |\n",
        PATHS.join(" | ")
    );
    table += &format!("|---|---|{}\n", "---|".repeat(PATHS.len()));
    for piece in pieces() {
        let cells = format!(" {ways} |").repeat(piece.paths.len());
        writeln!(table, "| {} | {} |{cells}", piece.name, piece.kind).unwrap();
    }
    println!("{table}");
    let page = include_str!("../../../../docs/operations/robustness.md");
    assert!(
        page.contains(&table),
        "the table is not in robustness.md:\n{table}"
    );
}
