//! `config --cache`: HAProxy keeps answers, and asks again if they are old or did not come.

use std::process::Command;

use spoa_tests::{Haproxy, Port, Process, Proxy, Reply, Request, for_each_haproxy};

use crate::common::program;
use crate::written::{Written, ask, serving, stop};

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-cached"))
}

/// An agent, and HAProxy with what `config` writes for it.
struct Site {
    proxy: Proxy,
    agent: Process,
    _written: Written,
    _port: Port,
}

impl Site {
    fn start(haproxy: &Haproxy, cache: &str, fail: &str) -> Site {
        let port = Port::free();
        let server = port.addr().to_string();
        let args = [
            "--cache", cache, "--fail", fail, "--server", &server, "--show",
        ];
        let written = Written::by(agent(), haproxy, &args);
        let agent = serving(agent(), &server);
        let site = Site {
            proxy: written.start(haproxy),
            agent,
            _written: written,
            _port: port,
        };
        let first = Request::get("/").header("x-key", "first");
        ask(&site.proxy, &first, "an answer of the agent", |reply| {
            asked(reply).is_some()
        });
        site
    }

    fn get(&self, key: Option<&str>) -> Reply {
        let request = Request::get("/");
        self.proxy.send(&match key {
            Some(key) => request.header("x-key", key),
            None => request,
        })
    }
}

/// Returns how often the agent had been asked when it gave this answer.
fn asked(reply: &Reply) -> Option<u32> {
    let asked = reply.header("x-spoa-txn-cached-asked")?;
    Some(asked.parse().expect("a number"))
}

fn action(reply: &Reply) -> Option<&str> {
    reply.header("x-spoa-txn-cached-action")
}

#[test]
fn a_kept_answer_is_the_answer_until_its_time_is_over() {
    for_each_haproxy(|haproxy| {
        for fail in ["open", "closed"] {
            let site = Site::start(haproxy, "req.fhdr(x-key)=1h", fail);
            let mut asked_before = asked(&site.get(Some("first"))).expect("it is kept");
            for (key, status, verdict) in [
                ("a", 200, "allow"),
                ("deny 403", 403, "deny"),
                ("deny 429", 429, "deny"),
                // A table that cuts its keys would take these two for one.
                (&"x".repeat(300), 200, "allow"),
                (&format!("{}y", "x".repeat(299)), 200, "allow"),
            ] {
                let about = format!("{haproxy} {fail} {key}");
                for _ in 0..5 {
                    let reply = site.get(Some(key));
                    assert_eq!(reply.status, status, "{about}");
                    assert_eq!(action(&reply), Some(verdict), "{about}");
                    assert_eq!(asked(&reply), Some(asked_before + 1), "{about}");
                    let local = reply.header("x-spoa-sess-cached-local");
                    assert_eq!(local, Some("1"), "{about}");
                }
                asked_before += 1;
            }
            // Without a key, nothing is kept.
            for _ in 0..3 {
                asked_before += 1;
                let reply = site.get(None);
                assert_eq!(
                    (reply.status, asked(&reply)),
                    (200, Some(asked_before)),
                    "{haproxy}"
                );
            }
            stop(site.agent);
            // Kept answers need no agent.
            let reply = site
                .proxy
                .send(&Request::get("/").header("x-key", "deny 429"));
            assert_eq!(reply.status, 429, "{haproxy} {fail}");
            let reply = site.proxy.send(&Request::get("/").header("x-key", "new"));
            let unasked = if fail == "open" { 200 } else { 503 };
            assert_eq!(
                (reply.status, asked(&reply)),
                (unasked, None),
                "{haproxy} {fail}"
            );
        }
    });
}

#[test]
fn an_old_answer_is_asked_for_again() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, "req.fhdr(x-key)=1s", "closed");
        let first = asked(&site.get(Some("a"))).expect("it is answered");
        let again = ask(
            &site.proxy,
            &Request::get("/").header("x-key", "a"),
            "the agent is asked again although requests come all the time",
            |reply| asked(reply) != Some(first),
        );
        assert_eq!(asked(&again), Some(first + 1), "{haproxy}");
        stop(site.agent);
    });
}

#[test]
fn a_failure_is_not_kept() {
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let server = port.addr().to_string();
        let args = [
            "--cache",
            "req.fhdr(x-key)=1h",
            "--fail",
            "closed",
            "--server",
            &server,
        ];
        let written = Written::by(agent(), haproxy, &[&args[..], &["--show"]].concat());
        let agent = Process::start(agent().args(["--listen", &server]));
        agent.wait_for_line("listening on ");
        let proxy = written.start(haproxy);
        let flaky = Request::get("/").header("x-key", "flaky");
        let reply = ask(&proxy, &flaky, "an answer after two failures", |reply| {
            assert!(
                matches!(reply.status, 200 | 503),
                "{haproxy}: {}",
                reply.status
            );
            reply.status == 200
        });
        assert_eq!(asked(&reply), Some(3), "{haproxy}");
        assert_eq!(asked(&proxy.send(&flaky)), Some(3), "{haproxy}");
    });
}
