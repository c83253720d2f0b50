//! Each verdict over HTTP/2: clients get the status, the location and the body that the handler decided.

use spoa_tests::for_each_haproxy;

use crate::{SIDES, closed};

#[test]
fn every_verdict_is_enforced_over_http_2() {
    for_each_haproxy(|haproxy| {
        let (mut site, _dir) = closed(haproxy);
        for side in SIDES {
            let ask = |what: &str| site.get("/").http2().header(side, what).send();
            for (what, status, body) in [
                ("allow", 200, None),
                ("deny 403", 403, None),
                ("deny 418", 418, None),
                ("redirect 302", 302, None),
                ("redirect 307", 307, None),
                ("respond 200", 200, Some("<p>100% \"mögen\" % %[src]</p>")),
                ("respond 404", 404, Some("<p>100% \"mögen\" % %[src]</p>")),
                ("challenge", 401, Some("<p id=\"t0ken\">Are you human?</p>")),
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
                if what == "allow" {
                    // The server shows the headers that it got.
                    assert!(reply.text().contains(&format!("{side}: allow")), "{about}");
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
        let request = site.get("/").http2().header("x-ask", "deny 418");
        assert_eq!(request.send().status, 503, "{haproxy}");
    });
}
