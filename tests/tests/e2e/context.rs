//! A message as a whole, and where it came from.

use std::collections::HashSet;
use std::time::Instant;

use spoa::Context;
use spoa::prelude::*;
use spoa::spop::{Message, Value};
use spoa_tests::{Background, Config, Message as Sent, at_once, for_each_haproxy};

fn shown(value: Option<Value<'_>>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// Everything a message has, without naming its arguments beforehand.
#[spoe_fallback]
fn describe(message: Message<'_>) -> [SetVar<String>; 5] {
    let args = message.args();
    let all: Vec<_> = args
        .iter()
        .map(|arg| format!("{}={}", arg.name, arg.value))
        .collect();
    [
        ("name", message.name().to_string()),
        (
            "count",
            format!("{} {} {}", message.len(), args.len(), message.is_empty()),
        ),
        (
            "by_name",
            shown(message.get("path")) + " " + &shown(message.get("none")),
        ),
        (
            "by_index",
            shown(message.at(1)) + " " + &shown(message.at(3)),
        ),
        ("all", all.join(" ")),
    ]
    .map(|(name, text)| SetVar::transaction(name, text))
}

#[test]
fn arguments_are_read_by_name_by_index_and_one_by_one() {
    let agent = Background::agent(|agent| agent.handlers(handlers![describe]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Sent::new("any-message").args("path=path int(-5) ip=src"))
            .vars([
                "txn.iprep.name",
                "txn.iprep.count",
                "txn.iprep.by_name",
                "txn.iprep.by_index",
                "txn.iprep.all",
            ])
            .start(haproxy);
        let reply = proxy.get("/a");
        let expected = [
            ("name", "any-message"),
            ("count", "3 3 false"),
            ("by_name", r#""/a" none"#),
            ("by_index", "-5 none"),
            ("all", r#"path="/a" =-5 ip=127.0.0.1"#),
        ];
        for (name, text) in expected {
            assert_eq!(reply.var(&format!("txn.iprep.{name}")), Some(text));
        }
    });
}

#[test]
fn a_message_without_arguments_is_answered() {
    let agent = Background::agent(|agent| agent.handlers(handlers![describe]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Sent::new("nothing"))
            .vars(["txn.iprep.count", "txn.iprep.by_index", "txn.iprep.all"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(reply.var("txn.iprep.count"), Some("0 0 true"));
        assert_eq!(reply.var("txn.iprep.by_index"), Some("none none"));
        assert_eq!(reply.var("txn.iprep.all"), Some(""));
    });
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Seen {
    agent: String,
    peer: String,
    engine: String,
    stream: u64,
    frame: u64,
    left: u64,
}

#[spoe_message("context", timeout = "20s")]
async fn context(context: Context<'_>) -> Option<Seen> {
    let deadline = context.deadline()?;
    Some(Seen {
        agent: context.agent_name().to_owned(),
        peer: context.peer().to_string(),
        engine: context.engine_id()?.to_owned(),
        stream: context.stream_id(),
        frame: context.frame_id(),
        left: u64::try_from(deadline.checked_duration_since(Instant::now())?.as_millis()).ok()?,
    })
}

const SEEN: [&str; 6] = [
    "txn.iprep.agent",
    "txn.iprep.peer",
    "txn.iprep.engine",
    "txn.iprep.stream",
    "txn.iprep.frame",
    "txn.iprep.left",
];

#[test]
fn the_context_names_the_agent_the_stream_and_the_peer() {
    let agent = Background::agent(|agent| agent.name("seer").handlers(handlers![context]));
    for_each_haproxy(|haproxy| {
        let config = Config::new(agent.addr())
            .message(Sent::new("context"))
            .vars(SEEN);
        let proxy = config.global("nbthread 1").start(haproxy);
        let (first, second) = (proxy.get("/"), proxy.get("/"));
        let number = |name: &str| first.var(name).and_then(|it| it.parse::<u64>().ok());
        assert_eq!(first.var("txn.iprep.agent"), Some("seer"));
        assert!(
            first
                .var("txn.iprep.peer")
                .is_some_and(|peer| peer.starts_with("127.0.0.1:"))
        );
        // A UUID, that of this HAProxy.
        assert!(
            first
                .var("txn.iprep.engine")
                .is_some_and(|engine| engine.len() == 36)
        );
        assert_eq!(
            first.var("txn.iprep.engine"),
            second.var("txn.iprep.engine")
        );
        if haproxy.at_least(3, 1) {
            // Of this connection; up to 3.0, of the process.
            assert_eq!(number("txn.iprep.stream"), Some(1));
        }
        assert_ne!(
            first.var("txn.iprep.stream"),
            second.var("txn.iprep.stream")
        );
        assert_eq!(number("txn.iprep.frame"), Some(1));
        assert!(number("txn.iprep.left").is_some_and(|left| left <= 20_000));
    });
}

#[test]
fn notifys_in_flight_have_different_ids() {
    let agent = Background::agent(|agent| agent.handlers(handlers![context]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Sent::new("context"))
            .vars(SEEN)
            .global("nbthread 1")
            .start(haproxy);
        let replies = at_once(50, |_| proxy.get("/"));
        let keys = replies
            .iter()
            .map(|reply| SEEN.map(|name| reply.var(name)))
            .map(|[_, peer, engine, stream, frame, _]| (peer, engine, stream, frame));
        assert_eq!(keys.collect::<HashSet<_>>().len(), 50);
    });
}
