//! `spoa::testing::HaProxy` with each HAProxy of this machine.
//!
//! Like the tests of `spoa-tests`, they fail without a HAProxy, and say how to get one.

mod processes;

use spoa::agent::Agent;
use spoa::http::{Headers, Path, Verdict};
use spoa::prelude::*;
use spoa::testing::{HaProxy, HaProxyBuilder, HttpRequest, InstalledHaProxy, Reply, TestAgent};
use spoa::{After, Transaction};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

spoa::outcomes! {
    struct Guard {
        deny: 403;
        redirect: 302;
    }
}

#[spoe_message("check", event = "on-frontend-http-request")]
fn check(path: Path<'_>) -> Verdict<Guard> {
    match path {
        path if path == "/admin" => Verdict::deny::<403>(),
        path if path == "/old" => Verdict::redirect::<302>("/new"),
        _ => Verdict::allow(),
    }
}

#[spoe_message("look", event = "on-frontend-http-request")]
fn look(
    #[arg(sample = "src")] src: IpAddr,
    headers: Headers<'_>,
    #[arg(sample = "req.body", default)] body: &[u8],
) -> (
    SetVar<String>,
    SetVar<u32>,
    Option<SetVar<bool>>,
    SetVar<u64>,
) {
    let many = u32::try_from(headers.iter().count()).unwrap_or(u32::MAX);
    let odd = many % 2 == 1;
    (
        SetVar::session("address", format!("{src} \"ä\" %41\n")),
        SetVar::transaction("headers", many),
        odd.then(|| SetVar::transaction("odd", true)),
        SetVar::request("body", body.len() as u64),
    )
}

#[spoe_message("dynamic", event = "on-http-response")]
fn dynamic(#[arg(sample = "status")] status: u16) -> Actions {
    Actions::new().with(SetVar::transaction("seen", status))
}

#[spoe_message("broken", event = "on-frontend-http-request", set = "txn.never")]
fn broken() -> Result<bool, HandlerError> {
    Err("out of order".into())
}

#[spoe_message("long", event = "on-frontend-http-request", set = "txn.long")]
fn long() -> String {
    "ä".repeat(7000)
}

fn each(agent: impl Fn() -> HaProxyBuilder, test: impl Fn(HaProxy)) {
    for installed in HaProxy::installed() {
        test(agent().on(&installed).start());
    }
}

#[test]
fn verdicts_are_enforced_over_both_versions_of_http() {
    each(
        || HaProxy::agent(Agent::builder().handlers(handlers![check])),
        |haproxy| {
            let on = haproxy.version();
            for http2 in [false, true] {
                let send = |target: &str| {
                    let request = haproxy.get(target);
                    let request = if http2 { request.http2() } else { request };
                    request.send()
                };
                let denied = send("/admin");
                assert_eq!(denied.status, 403, "{on}");
                assert_eq!(denied.var("txn.action"), Some("deny"), "{on}");
                let moved = send("/old");
                assert_eq!(
                    (moved.status, moved.header("location")),
                    (302, Some("/new")),
                    "{on}"
                );
                let passed = send("/");
                assert_eq!(
                    (passed.status, passed.text().as_str()),
                    (200, "hello\n"),
                    "{on}"
                );
            }
            let targets: Vec<_> = haproxy.received().into_iter().map(|it| it.target).collect();
            assert_eq!(targets.len(), 2, "{on}: {targets:?}");
            let line = haproxy.wait_for_log("\"GET /admin HTTP/1.1\"");
            assert!(line.contains(" 403 "), "{line}");
        },
    );
}

#[test]
fn variables_of_all_scopes_are_seen_as_the_agent_set_them() {
    each(
        || HaProxy::agent(Agent::builder().name("a-b").handlers(handlers![look])),
        |haproxy| {
            let on = haproxy.version().to_string();
            let source = IpAddr::from([192, 0, 2, 7]);
            for request in [
                haproxy.post("/a?b=1", "body"),
                haproxy.request("PUT", "/a").body(vec![b'x'; 4]),
                haproxy.post("/a", *b"\xff\0\r\n").http2(),
                haproxy.raw(*b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody"),
            ] {
                let reply = request.from(source).send();
                assert_eq!(reply.status, 200, "{on}");
                assert_eq!(reply.var("sess.address"), Some("192.0.2.7 \"ä\" %41\n"), "{on}");
                assert_eq!(reply.var("req.body"), Some("4"), "{on}");
                let many: u32 = reply.var("txn.headers").expect("it is always set").parse().expect("a number");
                let odd = (many % 2 == 1).then_some("1");
                assert_eq!(reply.var("txn.odd"), odd, "{on}");
                assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("x-spoa")), "{on}");
            }
            let received = haproxy.received();
            assert_eq!(received[0].text(), "body", "{on}");
            assert_eq!(received[2].body, b"\xff\0\r\n", "{on}");
            let v6 = haproxy
                .get("/")
                .from(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]))
                .send();
            assert_eq!(
                v6.var("sess.address"),
                Some("2001:db8::7 \"ä\" %41\n"),
                "{on}"
            );
        },
    );
}

#[test]
fn rules_pages_and_a_server_of_the_tests_own_are_used() {
    let agent = || {
        HaProxy::agent(Agent::builder().name("own").handlers(handlers![dynamic]))
            .variable("txn.seen")
            .rules(
                "    bind 127.0.0.1:80\n    bind 127.0.0.1:81 name api\n    \
                 http-request return status 201 if { so_name api }\n    \
                 http-response set-header x-seen %[var(txn.own.seen)]\n",
            )
            .server(|request| {
                Reply::new(404, request.header("x-a").unwrap_or_default()).with("x-b", "c")
            })
            .global("tune.bufsize 65536")
    };
    each(agent, |haproxy| {
        let on = haproxy.version().to_string();
        let reply = haproxy.get("/").header("x-a", "d").send();
        assert_eq!((reply.status, reply.text().as_str()), (404, "d"), "{on}");
        assert_eq!(reply.header("x-b"), Some("c"), "{on}");
        assert_eq!(reply.header("x-seen"), Some("404"), "{on}");
        assert_eq!(reply.var("txn.seen"), Some("404"), "{on}");
        assert_eq!(
            haproxy.get("/").to("127.0.0.1:81").send().status,
            201,
            "{on}"
        );
        let large = haproxy.get("/").header("x-a", "e".repeat(40_000)).send();
        assert_eq!(large.body.len(), 40_000, "{on}");
    });
}

#[test]
fn failures_and_an_agent_that_is_gone_are_seen() {
    each(
        || HaProxy::agent(Agent::builder().handlers(handlers![broken])).fail_closed(),
        |mut haproxy| {
            assert_eq!(haproxy.get("/").send().status, 503);
            let failures = haproxy.failures();
            assert_eq!(failures.len(), 1);
            assert!(
                failures[0].to_string().contains("out of order"),
                "{}",
                failures[0]
            );
            haproxy.stop_agent();
            let log = haproxy.log();
            let is_down = |line: &String| line.contains("-agents/agent1 is DOWN, ");
            assert!(log.iter().any(is_down), "{log:#?}");
            let reply = haproxy.get("/").send();
            assert_eq!((reply.status, reply.var("txn.never")), (503, None));
            assert!(haproxy.received().is_empty());
        },
    );
}

#[spoe_message(
    "rate",
    set = "txn.score",
    event = "on-frontend-http-request",
    on_failure = |failed| {
        let known = failed.failure().to_string().contains("not known");
        (SetVar::transaction("score", 0), SetVar::transaction("unrated", known))
    }
)]
fn rate(path: Path<'_>) -> Result<u8, HandlerError> {
    match path {
        path if path == "/known" => Ok(50),
        _ => Err(HandlerError::new("not known")),
    }
}

#[test]
fn fail_closed_denies_a_failure_that_sets_the_variable_of_a_success() {
    each(
        || HaProxy::agent(Agent::builder().handlers(handlers![rate])).fail_closed(),
        |haproxy| {
            let known = haproxy.get("/known").send();
            assert_eq!((known.status, known.var("txn.score")), (200, Some("50")));
            assert_eq!(haproxy.get("/").send().status, 503);
        },
    );
}

#[test]
fn the_variables_of_a_failure_are_seen() {
    each(
        || HaProxy::agent(Agent::builder().handlers(handlers![rate])),
        |haproxy| {
            let reply = haproxy.get("/").send();
            assert_eq!((reply.status, reply.var("txn.score")), (200, Some("0")));
            assert_eq!(reply.var("txn.unrated"), Some("1"));
        },
    );
}

#[test]
#[should_panic = "variable `txn.long` has 14000 bytes, which do not fit into a header"]
fn a_long_variable_is_not_read_as_unset() {
    let reply = HaProxy::start(handlers![long]).get("/").send();
    assert_eq!(reply.status, 200);
    let _ = reply.var("txn.long");
}

#[tokio::test]
async fn an_async_test_awaits_responses() {
    let haproxy = HaProxy::start(handlers![check]);
    let (one, other) = tokio::join!(
        haproxy.get("/admin").into_future(),
        haproxy.get("/").into_future()
    );
    assert_eq!((one.status, other.status), (403, 200));
    assert_eq!(haproxy.get("/admin").await.status, 403);
}

#[tokio::test]
async fn a_request_works_in_sync_and_async_tests() {
    let request = HttpRequest::new("GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = TestAgent::new(handlers![check])
        .request("check", &request)
        .await;
    assert_eq!(answer.unwrap().get("txn.action"), Some("deny"));
    let reply = HaProxy::start(handlers![check])
        .http_request(&request)
        .await;
    assert_eq!(reply.var("txn.action"), Some("deny"));
}

#[test]
#[should_panic = "did not start:"]
fn a_configuration_that_haproxy_refuses_is_shown() {
    let agent = Agent::builder().handlers(handlers![check]);
    let _ = HaProxy::agent(agent).rules("http-request dney").start();
}

#[test]
fn installed_haproxies_have_versions() {
    let installed: Vec<InstalledHaProxy> = HaProxy::installed();
    for one in &installed {
        assert!(one.at_least(2, 0) && !one.at_least(9, 0), "{one}");
    }
}

/// The path of a request, until its response.
struct Asked(String);

#[spoe_message("asked", event = "on-frontend-http-request")]
fn asked(path: Path<'_>, asked: Transaction<'_, Asked>) {
    asked.put(Asked(path.to_string()));
}

#[spoe_message("responded", event = "on-http-response", set = "txn.asked")]
fn responded(asked: Transaction<'_, Asked>) -> Option<String> {
    asked.take().map(|asked| asked.0)
}

#[test]
fn a_value_is_kept_from_a_request_to_its_response() {
    each(
        || HaProxy::agent(Agent::builder().handlers(handlers![asked, responded])),
        |haproxy| {
            let on = haproxy.version();
            std::thread::scope(|scope| {
                for client in 0..8 {
                    let haproxy = &haproxy;
                    scope.spawn(move || {
                        for number in 0..10 {
                            let path = format!("/{client}/{number}");
                            let request = haproxy.get(&path);
                            let request = if number % 2 == 1 {
                                request.http2()
                            } else {
                                request
                            };
                            let reply = request.send();
                            assert_eq!(reply.var("txn.asked"), Some(&*path), "{on}");
                        }
                    });
                }
            });
            assert!(
                haproxy.failures().is_empty(),
                "{on}: {:?}",
                haproxy.failures()
            );
        },
    );
}

/// Work that ends when the test lets it, once per permit.
#[derive(Clone)]
struct Work {
    may_end: Arc<Semaphore>,
    done: Arc<AtomicUsize>,
}

#[spoe_message("worked", event = "on-frontend-http-request", set = "txn.taken")]
fn worked(after: After<'_>, spoa::State(work): spoa::State<'_, Work>) -> bool {
    let work = work.clone();
    after.run(async move {
        let permit = work.may_end.acquire().await;
        permit.expect("it stays open").forget();
        work.done.fetch_add(1, Ordering::Relaxed);
    })
}

#[test]
fn a_request_does_not_wait_for_the_work_after_its_answer() {
    for installed in HaProxy::installed() {
        let work = Work {
            may_end: Arc::new(Semaphore::new(0)),
            done: Arc::default(),
        };
        let agent = Agent::builder()
            .handlers(handlers![worked])
            .state(work.clone());
        let haproxy = HaProxy::agent(agent).on(&installed).start();
        for _ in 0..5 {
            let reply = haproxy.get("/").send();
            assert_eq!(reply.var("txn.taken"), Some("1"), "{installed}");
        }
        assert_eq!(work.done.load(Ordering::Relaxed), 0, "{installed}");
        work.may_end.add_permits(5);
        let start = Instant::now();
        while work.done.load(Ordering::Relaxed) < 5 {
            assert!(start.elapsed() < Duration::from_secs(20), "{installed}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
