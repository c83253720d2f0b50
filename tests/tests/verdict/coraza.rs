//! The messages of coraza-spoa, with rules like those that it publishes.
//!
//! The agent has 55 lines, without blank ones. An agent for these messages that was written by hand
//! with this crate, before it had types for requests and verdicts, has 128.

use spoa::http::{Headers, Method, Path, Query, Verdict};
use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, Port, Proxy, Request, for_each_haproxy};
use std::net::IpAddr;

// The agent begins here.
/// The arguments of `coraza-req`.
#[derive(FromMessage)]
struct Parts<'a> {
    #[spoa("app")]
    app: &'a str,
    #[spoa("src-ip")]
    client: IpAddr,
    method: Method<'a>,
    path: Path<'a>,
    query: Query<'a>,
    headers: Headers<'a>,
    #[spoa("body", default)]
    body: &'a [u8],
}

/// Judges a request, and gives it an id for the response.
#[spoe_message("coraza-req", group = "coraza-req")]
fn request(parts: Parts<'_>) -> Result<(Verdict, SetVar<String>), HandlerError> {
    let Parts {
        app,
        client,
        method,
        path,
        query,
        headers,
        body,
    } = parts;
    if app != "sample_app" {
        return Err(format!("there is no application `{app}`").into());
    }
    let attack = query
        .iter()
        .any(|(_, value)| value.windows(7).any(|part| part == b"<script"));
    let tool = headers
        .get_all("user-agent")
        .any(|agent| agent.starts_with(b"sqlmap"));
    let verdict = if attack || body.windows(6).any(|part| part == b"<?php ") {
        Verdict::deny::<403>().reason("941100")
    } else if path == "/old" {
        Verdict::redirect::<302>("https://example.org/new")
    } else if tool && !method.is_safe() {
        Verdict::drop_silently()
    } else {
        Verdict::allow()
    };
    Ok((verdict, SetVar::transaction("id", format!("{client}-1"))))
}

/// Judges a response.
#[spoe_message("coraza-res", event = "on-http-response")]
fn response(id: &str, status: u16, headers: Headers<'_>) -> Verdict {
    let leaks = headers.get_all("x-debug").count() > 0 || status == 500;
    match leaks && id.ends_with("-1") {
        true => Verdict::deny::<403>(),
        false => Verdict::allow(),
    }
}
// The agent ends here.

const RULES: &str = r#"http-request set-var(txn.coraza.app) str(sample_app) unless { req.fhdr(x-app) -m found }
http-request set-var(txn.coraza.app) req.fhdr(x-app) if { req.fhdr(x-app) -m found }
http-request send-spoe-group iprep coraza-req
http-request redirect code 302 location %[var(txn.coraza.data)] if { var(txn.coraza.action) -m str redirect }
http-response redirect code 302 location %[var(txn.coraza.data)] if { var(txn.coraza.action) -m str redirect }
http-request deny deny_status 403 hdr waf-block "request"  if { var(txn.coraza.action) -m str deny }
http-response deny deny_status 403 hdr waf-block "response" if { var(txn.coraza.action) -m str deny }
http-request silent-drop if { var(txn.coraza.action) -m str drop }
http-response silent-drop if { var(txn.coraza.action) -m str drop }
http-request deny deny_status 500 if { var(txn.coraza.error) -m int gt 0 }
http-response deny deny_status 500 if { var(txn.coraza.error) -m int gt 0 }"#;

fn site(haproxy: &spoa_tests::Haproxy, agent: &Background, server: &Port) -> Proxy {
    let request = "app=var(txn.coraza.app) src-ip=src src-port=src_port dst-ip=dst dst-port=dst_port \
         method=method path=path query=query version=req.ver headers=req.hdrs body=req.body";
    let response = "app=var(txn.coraza.app) id=var(txn.coraza.id) version=res.ver status=status \
         headers=res.hdrs body=res.body";
    let config = Config::new(agent.addr())
        .var_prefix("coraza")
        .register_var_names("app id")
        .defaults("option http-buffer-request")
        .origin(server.addr())
        .sections(&format!(
            "listen server\n    bind {}\n    http-request return status 500 if {{ path /broken }}\n    \
             http-request return status 200 hdr x-debug 1 if {{ path /debug }}\n    http-request \
             return status 200\n",
            server.addr()
        ))
        .message(Message::new("coraza-req").args(request).only_in_groups())
        .message(Message::new("coraza-res").args(response).event("on-http-response"))
        .group("coraza-req", &["coraza-req"]);
    RULES
        .lines()
        .fold(config, |config, rule| config.frontend(rule))
        .start(haproxy)
}

#[test]
fn the_published_rules_of_coraza_enforce_verdicts() {
    for_each_haproxy(|haproxy| {
        let agent = Background::agent(|agent| {
            agent
                .handlers(handlers![request, response])
                .on_failure(|_| SetVar::transaction("error", 500))
        });
        let server = Port::free();
        let proxy = site(haproxy, &agent, &server);
        let status = |target: &str| proxy.get(target).status;
        assert_eq!(status("/?q=a"), 200, "{haproxy}");
        let denied = proxy.get("/?q=%3Cscript%3E");
        assert_eq!(denied.status, 403, "{haproxy}");
        assert_eq!(denied.header("waf-block"), Some("request"), "{haproxy}");
        let posted = proxy.send(&Request::post("/", "<?php system(1)"));
        assert_eq!(posted.status, 403, "{haproxy}");
        let moved = proxy.get("/old");
        assert_eq!(
            (moved.status, moved.header("location")),
            (302, Some("https://example.org/new"))
        );
        let dropped = proxy.try_send(&Request::post("/", "x").header("user-agent", "sqlmap/1.8"));
        assert!(dropped.is_err(), "{haproxy}: {dropped:?}");
        for target in ["/debug", "/broken"] {
            let leaked = proxy.get(target);
            assert_eq!(leaked.status, 403, "{haproxy} {target}");
            assert_eq!(
                leaked.header("waf-block"),
                Some("response"),
                "{haproxy} {target}"
            );
        }
        // A failed handler sets the variable that coraza sets.
        let other = proxy.send(&Request::get("/").header("x-app", "other"));
        assert_eq!(other.status, 500, "{haproxy}");
        agent.wait_for_warning("there is no application `other`");
    });
}
