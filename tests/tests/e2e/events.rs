//! When HAProxy sends messages: events, conditions, groups.

use std::sync::atomic::{AtomicU32, Ordering};

use spoa::prelude::*;
use spoa::spop::Message;
use spoa::{Context, State};
use spoa_tests::{Background, Config, Message as Sent, for_each_haproxy_in_turn};

/// Numbers the messages in the order they come, in a variable named like the message.
#[spoe_fallback]
fn number(message: Message<'_>, State(last): State<'_, AtomicU32>) -> SetVar<u32> {
    let name = message.name().to_string().replace('-', "_");
    SetVar::session(name, last.fetch_add(1, Ordering::Relaxed) + 1)
}

fn numbering() -> Background {
    Background::agent(|agent| agent.handlers(handlers![number]).state(AtomicU32::new(0)))
}

/// The events of a connection with one request, in their order.
const EVENTS: [&str; 8] = [
    "on-client-session",
    "on-frontend-tcp-request",
    "on-frontend-http-request",
    "on-backend-tcp-request",
    "on-backend-http-request",
    "on-server-session",
    "on-tcp-response",
    "on-http-response",
];

#[test]
fn the_events_of_a_request_come_in_their_order() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = numbering();
        let names = EVENTS.map(|event| format!("sess.iprep.{}", event.replace('-', "_")));
        let config = EVENTS
            .iter()
            .fold(Config::new(agent.addr()), |config, event| {
                config.message(Sent::new(event).event(event))
            });
        let reply = config
            .vars(names.iter().map(String::as_str))
            .start(haproxy)
            .get("/");
        let seen = names
            .each_ref()
            .map(|name| reply.var(name).and_then(|it| it.parse().ok()));
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8].map(Some));
    });
}

#[test]
fn a_client_session_is_announced_for_each_request() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = numbering();
        let proxy = Config::new(agent.addr())
            .message(Sent::new("hello").event("on-client-session"))
            .vars(["sess.iprep.hello"])
            .start(haproxy);
        let mut client = proxy.client();
        for number in ["1", "2", "3"] {
            assert_eq!(client.get("/").var("sess.iprep.hello"), Some(number));
        }
    });
}

#[test]
fn responses_of_haproxy_itself_are_not_announced() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = numbering();
        let proxy = Config::new(agent.addr())
            .message(Sent::new("request").event("on-frontend-http-request"))
            .message(Sent::new("response").event("on-http-response"))
            .frontend("http-request return status 200 if { path /return }")
            .frontend("http-request deny if { path /deny }")
            .frontend("http-request redirect location / if { path /redirect }")
            .frontend("use_backend nowhere if { path /nowhere }")
            .sections("backend nowhere")
            .vars(["sess.iprep.request", "sess.iprep.response"])
            .start(haproxy);
        for (path, status, announced) in [
            ("/return", 200, false),
            ("/deny", 403, false),
            ("/redirect", 302, false),
            ("/nowhere", 503, false),
            ("/", 200, true),
        ] {
            let reply = proxy.get(path);
            assert_eq!(reply.status, status);
            assert!(reply.var("sess.iprep.request").is_some());
            assert_eq!(
                reply.var("sess.iprep.response").is_some(),
                announced,
                "{path}"
            );
        }
    });
}

#[test]
fn a_condition_keeps_a_message_back() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = numbering();
        let api = Sent::new("api")
            .acl("api path_beg /api")
            .acl("local src 127.0.0.0/8");
        let proxy = Config::new(agent.addr())
            .message(api.event("on-frontend-http-request if api local"))
            .message(Sent::new("posts").event("on-frontend-http-request unless { method GET }"))
            .vars(["sess.iprep.api", "sess.iprep.posts"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(
            (reply.var("sess.iprep.api"), reply.var("sess.iprep.posts")),
            (None, None)
        );
        let reply = proxy.get("/api/1");
        assert_eq!(
            (reply.var("sess.iprep.api"), reply.var("sess.iprep.posts")),
            (Some("1"), None)
        );
    });
}

/// Which NOTIFY a message came in, in a variable named like the message.
#[spoe_fallback]
fn notify(message: Message<'_>, context: Context<'_>) -> SetVar<String> {
    let (stream, frame) = (context.stream_id(), context.frame_id());
    let notify = format!(
        "{} {} {stream} {frame}",
        context.peer(),
        context.engine_id().unwrap_or("-")
    );
    SetVar::transaction(message.name().to_string(), notify)
}

#[test]
fn the_messages_of_an_event_come_in_one_notify() {
    let agent = Background::agent(|agent| agent.handlers(handlers![notify]));
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Sent::new("one"))
            .message(Sent::new("two").args("path=path src"))
            .message(Sent::new("late").event("on-backend-http-request"))
            .vars(["txn.iprep.one", "txn.iprep.two", "txn.iprep.late"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert!(reply.var("txn.iprep.one").is_some());
        assert_eq!(reply.var("txn.iprep.one"), reply.var("txn.iprep.two"));
        assert_ne!(reply.var("txn.iprep.one"), reply.var("txn.iprep.late"));
    });
}

#[test]
fn a_group_comes_in_one_notify_when_a_rule_sends_it() {
    let agent = Background::agent(|agent| agent.handlers(handlers![notify]));
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Sent::new("first").only_in_groups())
            .message(Sent::new("second").only_in_groups().args("path"))
            .message(Sent::new("answer").only_in_groups().args("status"))
            .group("asked", &["first", "second"])
            .group("answered", &["answer"])
            .frontend("http-request send-spoe-group iprep asked if { path /send }")
            .frontend("http-response send-spoe-group iprep answered")
            .vars(["txn.iprep.first", "txn.iprep.second", "txn.iprep.answer"])
            .start(haproxy);
        let reply = proxy.get("/send");
        assert!(reply.var("txn.iprep.first").is_some());
        assert_eq!(reply.var("txn.iprep.first"), reply.var("txn.iprep.second"));
        assert!(reply.var("txn.iprep.answer").is_some());
        let reply = proxy.get("/");
        assert_eq!(reply.var("txn.iprep.first"), None);
        assert!(reply.var("txn.iprep.answer").is_some());
    });
}

#[test]
fn a_group_sent_from_tcp_rules_is_waited_for_with_an_inspect_delay_only() {
    let agent = Background::agent(|agent| agent.handlers(handlers![notify]));
    for_each_haproxy_in_turn(|haproxy| {
        let config = Config::new(agent.addr())
            .message(Sent::new("content").only_in_groups().args("src"))
            .group("early", &["content"])
            .frontend("http-request deny unless { var(txn.iprep.content) -m found }")
            .frontend("tcp-request content send-spoe-group iprep early");
        assert_eq!(config.start(haproxy).get("/").status, 403);
        let waiting = config.frontend("tcp-request inspect-delay 5s");
        assert_eq!(waiting.start(haproxy).get("/").status, 200);
    });
}
