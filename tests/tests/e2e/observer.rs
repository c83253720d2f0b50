//! An observer behind HAProxy: what it is told of real requests, and what HAProxy sees of a dry run.

use std::future::pending;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use spoa::agent::{AgentBuilder, HandlerEnded, HandlerOutcome, Observer};
use spoa::http::UniqueId;
use spoa::prelude::*;
use spoa_tests::{Background, Config, Message as Sent, Reply, Request, for_each_haproxy};

#[spoe_message("done")]
fn done(id: UniqueId<'_>, path: Text<'_>) -> SetVar<u64> {
    let _ = id;
    SetVar::transaction("length", path.len() as u64)
}

#[spoe_message("done-later", timeout = "10s")]
async fn done_later(id: UniqueId<'_>, path: Text<'_>) -> SetVar<u64> {
    let length = path.len() as u64;
    let _ = id;
    tokio::task::yield_now().await;
    SetVar::transaction("length", length)
}

#[spoe_message("fails", on_failure = |_| SetVar::transaction("length", 0_u64))]
fn fails(id: UniqueId<'_>) -> Result<SetVar<u64>, HandlerError> {
    let _ = id;
    Err(HandlerError::new("no database"))
}

#[spoe_message("late", timeout = "20ms")]
async fn late(id: UniqueId<'_>) -> SetVar<u64> {
    let _ = id;
    pending().await
}

#[spoe_message("panics", blocking, timeout = "10s")]
fn panics(id: UniqueId<'_>) -> SetVar<u64> {
    let _ = id;
    panic!("out of luck")
}

/// Each message, the beginning of the line about it, and the variable that HAProxy has after it.
const MESSAGES: [(&str, &str, Option<&str>); 5] = [
    ("done", "done x-1: set-var txn.length = 5", Some("5")),
    (
        "done-later",
        "done x-1: set-var txn.length = 11",
        Some("11"),
    ),
    (
        "fails",
        "no database x-1: set-var txn.length = 0",
        Some("0"),
    ),
    ("late", "timed out: not done within 20ms", None),
    ("panics", "panicked: out of luck", None),
];

/// Notes how each handler ends.
#[derive(Clone, Default)]
struct Audit {
    lines: Arc<Mutex<Vec<String>>>,
    dry_run: bool,
}

impl Audit {
    fn take(&self) -> Vec<String> {
        take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Audit {
    fn ended(&self, ended: &HandlerEnded<'_>) {
        let outcome = match ended.outcome() {
            HandlerOutcome::Done => "done".to_owned(),
            HandlerOutcome::Failed(failure) => failure.to_string(),
            outcome => format!("{outcome:?}"),
        };
        let actions: Vec<_> = ended.actions().map(|action| action.to_string()).collect();
        let line = format!(
            "{} {outcome} {}: {}",
            ended.message_name(),
            ended.req_id().unwrap_or("without an id"),
            actions.join(", ")
        );
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }

    fn withholds(&self, _: &HandlerEnded<'_>) -> bool {
        self.dry_run
    }
}

fn observed(agent: AgentBuilder, audit: Audit) -> AgentBuilder {
    agent
        .handlers(handlers![done, done_later, fails, late, panics])
        .observer(audit)
}

/// A request for `/done` sends the message `done`, and so on.
fn config(agent: &Background) -> Config {
    let config = Config::new(agent.addr())
        .frontend("unique-id-format x-%[req.fhdr(x-id)]")
        .set_on_error("error")
        .vars(["txn.iprep.length", "txn.iprep.error"]);
    MESSAGES.iter().fold(config, |config, (message, _, _)| {
        let event = format!("on-frontend-http-request if {{ path /{message} }}");
        config.message(
            Sent::new(message)
                .args("id=unique-id path=path")
                .event(&event),
        )
    })
}

fn length(reply: &Reply) -> Option<&str> {
    // Every message had its ACK, also those that failed.
    assert_eq!(reply.var("txn.iprep.error"), None);
    reply.var("txn.iprep.length")
}

fn request(message: &str) -> Request {
    Request::get(&format!("/{message}")).header("x-id", "1")
}

#[test]
fn an_observer_sees_how_the_handlers_of_a_request_ended() {
    for_each_haproxy(|haproxy| {
        let audit = Audit::default();
        let observer = audit.clone();
        let agent = Background::agent(|agent| observed(agent, observer));
        let proxy = config(&agent).start(haproxy);
        for (message, line, expected) in MESSAGES {
            let reply = proxy.send(&request(message));
            assert_eq!(length(&reply), expected, "{message}");
            let lines = audit.take();
            let begins = format!("{message} {line}");
            assert!(
                matches!(&*lines, [line] if line.starts_with(&begins) && line.contains(" x-1: ")),
                "{begins}: {lines:?}"
            );
            if expected.is_none() || message == "fails" {
                agent.wait_for_warning("` failed: ");
            }
        }
    });
}

#[test]
fn a_dry_run_sets_nothing_and_every_message_has_its_ack() {
    for_each_haproxy(|haproxy| {
        let audit = Audit {
            dry_run: true,
            ..Audit::default()
        };
        let observer = audit.clone();
        let agent = Background::agent(|agent| observed(agent, observer));
        let proxy = config(&agent).start(haproxy);
        for (message, line, expected) in MESSAGES {
            let reply = proxy.send(&request(message));
            assert_eq!(length(&reply), None, "{message}");
            let lines = audit.take();
            assert!(
                matches!(&*lines, [said] if said.starts_with(&format!("{message} {line}"))),
                "{lines:?}"
            );
            if expected.is_none() || message == "fails" {
                agent.wait_for_warning("` failed: ");
            }
        }
    });
}
