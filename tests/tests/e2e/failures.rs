//! HAProxy's view of a handler without an answer.

use std::future::pending;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use spoa::State;
use spoa::agent::{AgentBuilder, FailedMessage};
use spoa::prelude::*;
use spoa::spop::Message;
use spoa_tests::{Background, Config, Message as Sent, Reply, for_each_haproxy};

use crate::gate::Gate;

/// Answers the messages around the one that has no answer.
#[spoe_fallback]
fn sibling(message: Message<'_>) -> SetVar<bool> {
    SetVar::transaction(message.name().to_string(), true)
}

#[spoe_message("error")]
fn error() -> Result<SetVar<bool>, HandlerError> {
    Err(HandlerError::new("the database is down"))
}

#[spoe_message("late-error", timeout = "10s")]
async fn late_error() -> Result<SetVar<bool>, String> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    Err("no such user".to_owned())
}

#[spoe_message("panic", set = "txn.never")]
fn panic() -> u8 {
    panic!("out of luck")
}

#[spoe_message("late-panic", set = "txn.never", timeout = "10s")]
async fn late_panic() -> u8 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    panic!("out of {}", "hope")
}

#[spoe_message("blocking-panic", set = "txn.never", blocking, timeout = "10s")]
fn blocking_panic() -> u8 {
    panic!("out of threads")
}

#[spoe_message("timeout", set = "txn.never", timeout = "20ms")]
async fn timeout() -> u8 {
    pending().await
}

#[spoe_message("default-timeout", set = "txn.never")]
async fn default_timeout() -> u8 {
    pending().await
}

#[spoe_message("rejected", set = "txn.never")]
fn rejected(ip: IpAddr) -> bool {
    ip.is_loopback()
}

#[spoe_message("bad-name")]
fn bad_name() -> [SetVar<u8>; 2] {
    // Names that the source spells out are checked when it is compiled.
    ["never", "ip-score"].map(|name| SetVar::transaction(name.to_owned(), 1))
}

fn failing(agent: AgentBuilder) -> AgentBuilder {
    agent
        .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(300)))
        .handlers(handlers![
            sibling,
            error,
            late_error,
            panic,
            late_panic,
            blocking_panic,
            timeout,
            default_timeout,
            rejected,
            bad_name
        ])
}

/// The messages without an answer, and why.
const FAILURES: [(&str, &str); 9] = [
    ("error", "the database is down"),
    ("late-error", "no such user"),
    ("panic", "panicked: out of luck"),
    ("late-panic", "panicked: out of hope"),
    ("blocking-panic", "panicked: out of threads"),
    (
        "timeout",
        "timed out: not done within 20ms; make it faster, or give it longer with `timeout = …` in its \
         attribute or `--handler-timeout`, below `timeout processing` in spoe.conf",
    ),
    (
        "default-timeout",
        "timed out: not done within 300ms; make it faster, or give it longer with `timeout = …` in its \
         attribute or `--handler-timeout`, below `timeout processing` in spoe.conf",
    ),
    (
        "rejected",
        "argument `ip` of message `rejected` should be an IP address, but the STRING that HAProxy \
         sent does not read as one; if a client chooses it, take `Result<IpAddr, Mismatch>` or `&[u8]`",
    ),
    (
        "bad-name",
        "HAProxy drops the variable `txn.ip-score`: `-` is not allowed in a name; use letters, \
         digits, `_` and `.`",
    ),
];

/// A request for `/error` sends `before`, `error` and `after` in one NOTIFY, and so on.
fn config(agent: &Background) -> Config {
    let config = Config::new(agent.addr()).message(Sent::new("before"));
    let config = FAILURES.iter().fold(config, |config, (message, _)| {
        let event = format!("on-frontend-http-request if {{ path /{message} }}");
        config.message(Sent::new(message).args("ip=path").event(&event))
    });
    config
        .message(Sent::new("after"))
        .set_on_error("error")
        .vars([
            "txn.iprep.before",
            "txn.iprep.after",
            "txn.iprep.never",
            "txn.iprep.error",
            "txn.iprep.failed",
        ])
}

/// An ACK came, and the other messages have their answers.
fn siblings_are_answered(reply: &Reply) {
    let vars = ["before", "after", "never", "error"];
    let seen = vars.map(|name| reply.var(&format!("txn.iprep.{name}")));
    assert_eq!(seen, [Some("1"), Some("1"), None, None], "{vars:?}");
}

#[test]
fn one_handler_without_an_answer_leaves_the_others_theirs() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(failing);
        let proxy = config(&agent).start(haproxy);
        for (message, why) in FAILURES {
            let reply = proxy.get(&format!("/{message}"));
            siblings_are_answered(&reply);
            assert_eq!(reply.var("txn.iprep.failed"), None);
            agent.wait_for_warning(&format!("` failed: {why}"));
        }
    });
}

fn on_failure(failed: &FailedMessage<'_>) -> SetVar<String> {
    SetVar::transaction(
        "failed",
        format!("{}: {}", failed.message_name(), failed.failure()),
    )
}

#[test]
fn a_variable_says_that_a_handler_had_no_answer() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| failing(agent).on_failure(on_failure));
        let proxy = config(&agent).start(haproxy);
        for (message, why) in FAILURES {
            let reply = proxy.get(&format!("/{message}"));
            siblings_are_answered(&reply);
            assert_eq!(
                reply.var("txn.iprep.failed"),
                Some(&*format!("{message}: {why}"))
            );
            agent.wait_for_warning("` failed: ");
        }
    });
}

#[test]
fn a_failure_is_logged_with_all_its_ids_once_a_second() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(failing);
        let proxy = config(&agent).start(haproxy);
        let begin = Instant::now();
        for _ in 0..20 {
            proxy.get("/error");
        }
        let line = agent.wait_for_warning("the database is down");
        for part in [
            "peer=127.0.0.1:",
            "engine=\"",
            "stream=",
            "frame=1",
            "failures::error",
        ] {
            assert!(line.contains(part), "{line}");
        }
        let more = agent.warnings();
        // On a busy machine, the requests may take some seconds.
        let most = 2 + begin.elapsed().as_secs();
        assert!(more.len() as u64 <= most, "{more:#?}");
    });
}

#[spoe_message("stuck", timeout = "20s")]
async fn stuck(gate: State<'_, Gate>) -> SetVar<bool> {
    gate.pass().await;
    SetVar::session("never", true)
}

#[test]
fn an_answer_that_haproxy_no_longer_waits_for_does_no_harm() {
    for_each_haproxy(|haproxy| {
        let gate = Gate::shut();
        let state = gate.clone();
        let agent =
            Background::agent(|agent| agent.handlers(handlers![stuck, sibling]).state(state));
        let proxy = Config::new(agent.addr())
            .message(Sent::new("stuck").event("on-frontend-http-request if { path /stuck }"))
            .message(Sent::new("after").event("on-frontend-http-request unless { path /stuck }"))
            // Long enough for a prompt answer on a busy machine.
            .processing_timeout(Duration::from_secs(4))
            .set_on_error("error")
            .vars(["txn.iprep.error", "txn.iprep.after", "sess.iprep.never"])
            .global("nbthread 1")
            .start(haproxy);
        let mut client = proxy.client();
        for _ in 0..3 {
            let reply = client.get("/stuck");
            assert_eq!(reply.var("txn.iprep.error"), Some("1"), "a timeout");
            // On the same connection to the agent, before and after the late answer.
            for number in 0..10 {
                if number == 5 {
                    gate.open();
                }
                let reply = client.get("/");
                assert_eq!(reply.var("txn.iprep.after"), Some("1"));
                assert_eq!(reply.var("txn.iprep.error"), None);
                assert_eq!(reply.var("sess.iprep.never"), None);
            }
        }
    });
}

#[test]
fn after_an_error_haproxy_asks_again_only_with_continue_on_error() {
    for_each_haproxy(|haproxy| {
        let gate = Gate::shut();
        let state = gate.clone();
        let agent =
            Background::agent(|agent| agent.handlers(handlers![stuck, sibling]).state(state));
        let config = Config::new(agent.addr())
            .message(Sent::new("stuck"))
            .message(Sent::new("after").event("on-http-response"))
            // Long enough for a prompt answer on a busy machine.
            .processing_timeout(Duration::from_secs(4))
            .vars(["txn.iprep.after"]);
        for (config, after) in [
            (config.clone(), None),
            (config.continue_on_error(), Some("1")),
        ] {
            let proxy = config.start(haproxy);
            assert_eq!(proxy.get("/").var("txn.iprep.after"), after);
            gate.open();
        }
    });
}

#[test]
fn a_message_of_too_many_arguments_is_answered_without_actions() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![sibling]));
        // HAProxy sends them with a count of 300 - 256.
        let line = "src ".repeat(60);
        let many = (0..5).fold(Sent::new("many"), |many, _| many.args(&line));
        let proxy = Config::new(agent.addr())
            .message(many.event("on-frontend-http-request if { path /many }"))
            .message(Sent::new("after").event("on-http-response"))
            .set_on_error("error")
            .vars(["txn.iprep.many", "txn.iprep.after", "txn.iprep.error"])
            .start(haproxy);
        for path in ["/many", "/", "/many", "/"] {
            let reply = proxy.get(path);
            assert_eq!(reply.var("txn.iprep.many"), None);
            assert_eq!(reply.var("txn.iprep.after"), Some("1"));
            assert_eq!(reply.var("txn.iprep.error"), None);
        }
        agent.wait_for_warning("a `spoe-message` of more than 255 arguments is one cause");
        let more = agent.warnings();
        assert!(more.len() < 2, "{more:#?}");
    });
}

#[test]
fn requests_go_on_with_an_error_if_no_agent_listens() {
    for_each_haproxy(|haproxy| {
        let nowhere = spoa_tests::Port::free();
        let proxy = Config::new(nowhere.addr())
            .message(Sent::new("after"))
            .set_on_error("error")
            .vars(["txn.iprep.after", "txn.iprep.error"])
            // Long enough for HAProxy to find out, on a busy machine. Up to 3.0, it waits that long.
            .processing_timeout(Duration::from_secs(if haproxy.at_least(3, 1) {
                20
            } else {
                2
            }))
            .agent_backend("retries 0")
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(reply.var("txn.iprep.after"), None);
        // The earlier ones go on trying for as long as they may: a timeout. Then it is a
        // connection that was closed.
        let code = if haproxy.at_least(3, 1) { "257" } else { "1" };
        assert_eq!(reply.var("txn.iprep.error"), Some(code));
    });
}

#[spoe_message("stranger")]
fn stranger() {}

#[test]
fn a_message_without_a_handler_is_acknowledged_and_named() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| agent.handlers(handlers![stranger]));
        let proxy = Config::new(agent.addr())
            .message(Sent::new("strangr"))
            .set_on_error("error")
            .vars(["txn.iprep.error"])
            .start(haproxy);
        assert_eq!(proxy.get("/").var("txn.iprep.error"), None);
        agent.wait_for_warning("no handler for message `strangr`");
    });
}
