//! Tests of the handler as a function, of the agent's answers if something goes wrong, and of the rules of site.cfg in
//! a real HAProxy.

use super::*;
use spoa::agent::{Agent, AgentBuilder};
use spoa::spop::Value;
use spoa::testing::{Answer, CallError, HaProxy, TestAgent};
use tokio::net::TcpListener;

fn request<'a>(path: &'a str, body: &'a [u8]) -> Request<'a> {
    Request {
        src: [192, 0, 2, 7].into(),
        src_port: Some(40_000),
        ssl: true,
        method: "POST",
        path: path.as_bytes(),
        query: b"",
        version: "1.1",
        host: Some(b"example.org"),
        user_agent: b"curl/8",
        content_type: b"application/x-www-form-urlencoded",
        body_size: body.len() as u64,
        body,
    }
}

async fn verdict_with(
    redis: Option<&str>,
    request: Request<'_>,
) -> Result<Verdict, BlocklistError> {
    let (rules, counters) = (Rules::open(None).unwrap(), Counters::default());
    let blocklist = Blocklist::new(redis.map(str::to_owned));
    inspect(request, State(&rules), State(&blocklist), State(&counters)).await
}

async fn verdict(request: Request<'_>) -> Verdict {
    verdict_with(None, request).await.unwrap()
}

#[tokio::test]
async fn a_harmless_request_passes() {
    let harmless = Verdict {
        blocked: false,
        score: 0,
        reason: None,
        truncated: false,
        blocked_total: 0,
    };
    assert_eq!(verdict(request("/", b"a=1")).await, harmless);
}

#[tokio::test]
async fn an_attack_is_blocked_counted_and_explained() {
    let attack = Verdict {
        blocked: true,
        score: 100,
        reason: Some("`/.env` in the path".to_owned()),
        truncated: false,
        blocked_total: 1,
    };
    assert_eq!(verdict(request("/%2eenv", b"")).await, attack);
}

#[tokio::test]
async fn only_requests_that_the_rules_do_not_block_need_the_blocklist() {
    let nobody = Some("127.0.0.1:9");
    let attack = verdict_with(nobody, request("/.env", b"")).await;
    assert!(attack.unwrap().blocked);
    let error = verdict_with(nobody, request("/", b"")).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot ask the blocklist at 127.0.0.1:9");
}

#[tokio::test]
async fn forms_are_decoded_and_other_bodies_are_not() {
    for (content_type, score) in [
        (&b"application/x-www-form-urlencoded"[..], 60),
        (b"Application/X-WWW-Form-URLencoded; charset=utf-8", 60),
        (b"text/plain", 0),
    ] {
        let mut request = request("/", b"q=%3Cscript%3E");
        request.content_type = content_type;
        assert_eq!(verdict(request).await.score, score);
    }
}

#[tokio::test]
async fn an_incomplete_body_is_reported_as_truncated() {
    let mut request = request("/", b"a=1");
    request.body_size = 40_000;
    assert!(verdict(request).await.truncated);
}

// These tests need the whole agent: they check its answers without a verdict.

fn agent(redis: Option<String>) -> AgentBuilder {
    Agent::builder()
        .name("inspect")
        .handlers(handlers![inspect])
        .state(Rules::open(None).unwrap())
        .state(Blocklist::new(redis))
        .state(Counters::default())
        .on_failure(on_failure)
}

async fn answer(redis: String, method: &Value<'_>) -> Result<Answer, CallError> {
    let ip = IpAddr::from([192, 0, 2, 7]);
    TestAgent::build(agent(Some(redis)))
        .unwrap()
        .call(
            "inspect-request",
            &[("src", &ip), ("method", method), ("version", &"1.1")],
        )
        .await
}

#[tokio::test(start_paused = true)]
async fn without_a_verdict_a_separate_variable_says_why() -> Result<(), CallError> {
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = || silent.local_addr().unwrap().to_string();
    let get = Value::from("GET");
    for (redis, method, why) in [
        ("127.0.0.1:9".to_owned(), get, "failed"),
        (silent(), get, "late"),
        (silent(), Value::Null, "rejected"),
    ] {
        let answer = answer(redis, &method).await?;
        assert_eq!(answer.get("txn.agent_error"), Some(why));
        assert_eq!(answer.value("txn.blocked"), None, "{why}");
    }
    Ok(())
}

// These tests need HAProxy: they check what happens to a request.

fn haproxy(redis: Option<&str>) -> HaProxy {
    HaProxy::agent(agent(redis.map(str::to_owned)))
        .rules(include_str!("site.cfg"))
        // Only `on_failure` sets it.
        .variable("txn.agent_error")
        .start()
}

#[test]
fn an_attack_is_denied_and_the_rest_passes() {
    let haproxy = haproxy(None);
    let reply = haproxy.get("/").header("user-agent", "test").send();
    assert_eq!((reply.status, reply.var("txn.score")), (200, Some("0")));
    let reply = haproxy.get("/%2Eenv").http2().send();
    let reason = reply.var("txn.reason");
    assert_eq!((reply.status, reason), (403, Some("`/.env` in the path")));
    // Bytes that are not text are inspected as well.
    let reply = haproxy
        .raw(*b"GET /.env HTTP/1.0\r\nuser-agent: \xff\xfe\r\n\r\n")
        .send();
    assert_eq!(
        (reply.status, reply.var("proc.blocked_total")),
        (403, Some("2"))
    );
}

#[test]
fn without_a_verdict_only_requests_that_read_pass() {
    let mut haproxy = haproxy(Some("127.0.0.1:9"));
    for error in [Some("failed"), None] {
        let read = haproxy.get("/").send();
        assert_eq!((read.status, read.var("txn.agent_error")), (200, error));
        assert_eq!(haproxy.post("/", "a=1").send().status, 503);
        haproxy.stop_agent();
    }
}
