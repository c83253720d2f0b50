//! Each verdict over HTTP/2: clients get the status, the location and the body that the handler decided.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply};
use spoa_tests::{TempDir, for_each_haproxy, not_tested_here};

use crate::{SIDES, agent};

/// Starts the agent and a HAProxy. The server asks in its response for what a client asks for with `x-late`.
fn site(haproxy: &InstalledHaProxy, page: &std::path::Path) -> HaProxy {
    HaProxy::program(agent())
        .rules("timeout tarpit 50ms")
        .fail_closed()
        .page(None, page)
        .server(|request| {
            let reply = Reply::new(200, "hello").with("content-type", "text/plain");
            match request.header("x-late") {
                Some(what) => reply.with("x-ask", &what),
                None => reply,
            }
        })
        .on(haproxy)
        .start()
}

#[test]
fn every_verdict_is_enforced_over_http_2() {
    for_each_haproxy(|haproxy| {
        let mut installed = HaProxy::installed().into_iter();
        let Some(installed) = installed.find(|it| it.path() == haproxy.path()) else {
            return not_tested_here(&format!("set SPOA_HAPROXY to {}", haproxy.path().display()));
        };
        let dir = TempDir::new();
        let page = dir.write(
            "challenge.html",
            "<p id=\"%[var(txn.judging.data)]\">Human?</p>",
        );
        let mut site = site(&installed, &page);
        for side in SIDES {
            let ask = |what: &str| site.get("/").http2().header(side, what).send();
            for (what, status, body) in [
                ("allow", 200, Some("hello")),
                ("deny 403", 403, None),
                ("deny 418", 418, None),
                ("redirect 302", 302, None),
                ("redirect 307", 307, None),
                ("respond 200", 200, Some("<p>100% \"mögen\" % %[src]</p>")),
                ("respond 404", 404, Some("<p>100% \"mögen\" % %[src]</p>")),
                ("challenge", 401, Some("<p id=\"t0ken\">Human?</p>")),
                ("tarpit", 429, None),
                ("denied-with-headers", 403, None),
                ("deny 500", 503, None),
                ("panic", 503, None),
                ("late", 503, None),
            ] {
                let reply = ask(what);
                let about = format!("{haproxy} {side} {what}");
                assert_eq!(reply.status, status, "{about}");
                if let Some(body) = body {
                    assert_eq!(reply.text(), body, "{about}");
                }
                let location = "/login?next=%2F&x=\"y\"%0D%0Ax-evil: 1";
                let location = what.starts_with("redirect").then_some(location);
                assert_eq!(reply.header("location"), location, "{about}");
                assert_eq!(reply.header("x-evil"), None, "{about}");
                let content_type = what
                    .starts_with("respond")
                    .then_some("text/html; charset=utf-8");
                if content_type.is_some() {
                    assert_eq!(reply.header("content-type"), content_type, "{about}");
                }
                let judged = (what == "denied-with-headers").then_some("no");
                assert_eq!(reply.header("x-judged"), judged, "{about}");
            }
            assert_eq!(ask("long").body.len(), 10_000, "{haproxy} {side}");
        }
        site.stop_agent();
        spoa_tests::eventually("the agent is seen to be down", || {
            let reply = site.get("/").http2().header("x-ask", "deny 418").send();
            reply.status == 503
        });
    });
}
