//! `spoa::testing` as tests of agents use it.

use spoa::agent::Agent;
use spoa::handler::Failure;
use spoa::prelude::*;
use spoa::testing::TestAgent;
use std::net::IpAddr;
use std::time::Duration;

#[spoe_message("score")]
fn score(ip: IpAddr, #[arg(default = 0)] penalty: u8) -> SetVar<u8> {
    SetVar::session("score", 100 - penalty - u8::from(!ip.is_loopback()) * 80)
}

#[spoe_message("refuse")]
fn refuse() -> Result<(), &'static str> {
    Err("database down")
}

#[spoe_message("sleep")]
async fn sleep(seconds: u64) -> SetVar<u64> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    SetVar::transaction("slept", seconds)
}

#[spoe_message("unset")]
fn unset() -> (SetVar<&'static str>, UnsetVar) {
    (SetVar::request("a", "text"), UnsetVar::request("b"))
}

fn agent() -> TestAgent {
    TestAgent::new(handlers![score, refuse, sleep, unset])
}

#[test]
fn a_call_gives_the_variables_of_the_answer() {
    let ip = IpAddr::from([192, 0, 2, 7]);
    let answer = agent()
        .call_blocking("score", &[("ip", &ip), ("penalty", &5)])
        .unwrap();
    assert_eq!(answer.get("sess.score"), Some(15));
    assert_eq!(answer.get::<u8>("txn.score"), None);
    assert_eq!(answer.actions().len(), 1);
    assert!(answer.failures().is_empty());
}

#[test]
fn an_unset_variable_is_not_set() {
    let answer = agent().call_blocking("unset", &[]).unwrap();
    assert_eq!(answer.get("req.a"), Some("text"));
    assert_eq!(answer.value("req.b"), None);
    assert_eq!(answer.actions()[1].to_string(), "unset-var req.b");
}

#[test]
fn a_failure_says_why_there_are_no_actions() {
    let agent = agent();
    let answer = agent.call_blocking("score", &[("ip", &443)]).unwrap();
    let Some(Failure::Rejected(rejection)) = answer.failure() else {
        panic!("{answer:?}");
    };
    assert_eq!(rejection.argument(), Some("ip"));
    let answer = agent.call_blocking("refuse", &[]).unwrap();
    assert_eq!(
        answer.failures()[0].to_string(),
        "message `refuse`: database down"
    );
    // The next call has none of them.
    assert!(
        agent
            .call_blocking("unset", &[])
            .unwrap()
            .failure()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn deadlines_pass_without_waiting() {
    let start = tokio::time::Instant::now();
    let agent = agent();
    let (late, soon) = tokio::join!(
        agent.call("sleep", &[("seconds", &3600)]),
        agent.call("sleep", &[("seconds", &0)]),
    );
    let late = late.unwrap();
    assert!(matches!(late.failure(), Some(Failure::TimedOut(after)) if after.as_secs() == 1));
    assert!(late.actions().is_empty());
    let soon = soon.unwrap();
    assert_eq!((soon.get("txn.slept"), soon.failures().len()), (Some(0), 0));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn several_messages_travel_in_one_notify() {
    let agent = agent();
    let answer = agent
        .notify(&[
            ("unset", &[]),
            ("refuse", &[]),
            ("score", &[("ip", &"::1")]),
        ])
        .await
        .unwrap();
    assert_eq!(answer.actions().len(), 3);
    assert_eq!(answer.get("sess.score"), Some(100));
    assert_eq!(answer.failures().len(), 1);
}

#[test]
fn a_test_sees_the_failure_and_the_actions_of_on_failure() {
    let agent = Agent::builder()
        .handlers(handlers![refuse])
        .on_failure(|failed| SetVar::transaction("error", failed.failure().to_string()));
    let agent = TestAgent::build(agent).unwrap();
    let answer = agent.call_blocking("refuse", &[]).unwrap();
    assert_eq!(answer.get("txn.error"), Some("database down"));
    assert_eq!(answer.failures().len(), 1);
}

#[test]
fn a_message_that_no_handler_answers_is_an_error_with_the_nearest_name() {
    let problem = |message| agent().call_blocking(message, &[]).unwrap_err().to_string();
    assert_eq!(
        problem("scores"),
        "no handler for message `scores`: did you mean `score`? \
         This agent answers `refuse`, `score`, `sleep`, `unset`"
    );
    assert_eq!(
        problem("get-reputation"),
        "no handler for message `get-reputation`: \
         this agent answers `refuse`, `score`, `sleep`, `unset`"
    );
}

#[test]
fn the_frame_is_as_large_as_haproxys() {
    let text = "x".repeat(300);
    let agent = agent().max_frame_size(256);
    let answer = agent
        .call_blocking("score", &[("ip", &"::1"), ("text", &text)])
        .unwrap();
    // More than one frame: this agent takes fragments.
    assert_eq!(answer.get("sess.score"), Some(100));
}

#[test]
#[should_panic(expected = "`sess.score` is 100 (UINT32), which is not a `&str`")]
fn a_value_of_another_type_fails_the_test() {
    let answer = agent().call_blocking("score", &[("ip", &"::1")]).unwrap();
    let _ = answer.get::<&str>("sess.score");
}

#[test]
#[should_panic(expected = "`ip_score` is not a variable")]
fn a_variable_without_scope_fails_the_test() {
    let answer = agent().call_blocking("unset", &[]).unwrap();
    let _ = answer.value("ip_score");
}

#[test]
#[should_panic(expected = "two handlers answer the message `unset`")]
fn handlers_that_make_no_agent_fail_the_test() {
    let _ = TestAgent::new([handlers![unset], handlers![unset]].concat());
}

#[tokio::test(start_paused = true)]
async fn an_agent_works_with_limits_of_zero_and_of_the_maximum() {
    let agent = Agent::builder()
        .handlers(handlers![sleep])
        .limits(|limits| {
            limits.max_in_flight = 0;
            limits.max_connections = 0;
            limits.handler_timeout = Some(Duration::MAX);
            limits.hello_timeout = Duration::MAX;
            limits.frame_timeout = Duration::MAX;
            limits.write_timeout = Duration::MAX;
            limits.linger_timeout = Duration::MAX;
            limits.drain_timeout = Duration::MAX;
        });
    let agent = TestAgent::build(agent).unwrap();
    let answer = agent.call("sleep", &[("seconds", &86400)]);
    let answer = tokio::time::timeout(Duration::from_secs(86401), answer).await;
    assert_eq!(answer.unwrap().unwrap().get("txn.slept"), Some(86400));
}

/// Whose text cannot be shown.
#[derive(Debug)]
struct Mute;

impl std::fmt::Display for Mute {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Err(std::fmt::Error)
    }
}

impl std::error::Error for Mute {}

#[spoe_message("mute")]
fn mute() -> Result<SetVar<u8>, Mute> {
    Err(Mute)
}

#[test]
fn an_error_that_cannot_be_shown_is_a_failure() {
    let agent = TestAgent::new(handlers![mute]);
    let answer = agent.call_blocking("mute", &[]).unwrap();
    assert!(answer.actions().is_empty());
    assert!(matches!(answer.failure(), Some(Failure::Error(_))));
    assert_eq!(
        answer.failures()[0].to_string(),
        "message `mute`: an error whose text cannot be shown: its `Display` returned an error"
    );
}

#[test]
fn the_text_of_a_failure_names_its_message_once() {
    let answer = agent().call_blocking("score", &[]).unwrap();
    let text = answer.failures()[0].to_string();
    assert!(
        text.starts_with("message `score` has no argument `ip`"),
        "{text}"
    );
    let answer = agent().call_blocking("score", &[("ip", &443)]).unwrap();
    let text = answer.failures()[0].to_string();
    assert!(
        text.starts_with("argument `ip` of message `score` should be"),
        "{text}"
    );
    let answer = agent().call_blocking("refuse", &[]).unwrap();
    assert_eq!(
        answer.failures()[0].to_string(),
        "message `refuse`: database down"
    );
}

#[tokio::test]
#[should_panic(expected = "write `agent.call(\"score\", …).await`")]
async fn a_blocking_call_in_a_runtime_says_what_to_write() {
    let _ = agent().call_blocking("score", &[]);
}
