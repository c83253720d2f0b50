//! Where a variable lives, how long, and which names HAProxy takes.

use spoa::prelude::*;
use spoa::spop::Scope;
use spoa_tests::{Background, Config, Message, for_each_haproxy};

#[spoe_message("set-all")]
fn set_all(path: Text<'_>) -> [SetVar<String>; 5] {
    Scope::ALL.map(|scope| SetVar::new(scope, "where", path.to_string()))
}

#[spoe_message("unset-all")]
fn unset_all() -> [UnsetVar; 5] {
    Scope::ALL.map(|scope| UnsetVar::new(scope, "where"))
}

/// One variable in each scope. HAProxy knows that of `proc` since it is in this text.
const ALL: [&str; 5] = [
    "proc.iprep.where",
    "sess.iprep.where",
    "txn.iprep.where",
    "req.iprep.where",
    "res.iprep.where",
];

/// `set-all` at this event, if the path says so.
fn set_at(event: &str) -> Message {
    Message::new("set-all")
        .args("path=path")
        .event(&format!("{event} if {{ path_beg /set }}"))
}

#[test]
fn variables_set_at_a_request_last_as_long_as_their_scope() {
    let agent = Background::agent(|agent| agent.handlers(handlers![set_all]));
    for_each_haproxy(|haproxy| {
        let config = Config::new(agent.addr()).message(set_at("on-frontend-http-request"));
        let seen = |config: &Config| {
            let proxy = config.start(haproxy);
            let mut client = proxy.client();
            let replies = [client.get("/set"), client.get("/same"), proxy.get("/other")];
            replies.map(|reply| ALL.map(|name| reply.var(name).map(str::to_owned)))
        };
        let is = |set: [u8; 5]| set.map(|set| (set == 1).then(|| "/set".to_owned()));

        // The columns are those of `ALL`.
        let [set, same, other] = seen(&config.clone().request_vars(ALL));
        assert_eq!(set, is([1, 1, 1, 1, 0]), "a response has not begun");
        assert_eq!(
            same,
            is([1, 1, 0, 0, 0]),
            "another request of the same session"
        );
        assert_eq!(other, is([1, 0, 0, 0, 0]), "another session");

        let [set, ..] = seen(&config.vars(ALL));
        assert_eq!(set, is([1, 1, 1, 0, 0]), "the request is over");
    });
}

#[test]
fn variables_set_at_a_response_last_as_long_as_their_scope() {
    let agent = Background::agent(|agent| agent.handlers(handlers![set_all]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(
                Message::new("set-all")
                    .args("path=str(/set)")
                    .event("on-http-response"),
            )
            .vars(ALL)
            .start(haproxy);
        let reply = proxy.get("/set");
        let seen = ALL.map(|name| reply.var(name));
        assert_eq!(
            seen,
            [Some("/set"), Some("/set"), Some("/set"), None, Some("/set")]
        );
    });
}

#[test]
fn variables_can_be_unset_in_every_scope() {
    let agent = Background::agent(|agent| agent.handlers(handlers![set_all, unset_all]));
    for_each_haproxy(|haproxy| {
        let mut config = Config::new(agent.addr())
            .message(set_at("on-frontend-http-request"))
            .message(Message::new("unset-all").event("on-backend-http-request"));
        let scopes = ["proc", "sess", "txn", "req"];
        for scope in scopes {
            let name = format!("var({scope}.iprep.where)");
            config = config
                .read_request(&format!("before-{scope}"), &name)
                .origin_backend(&format!("http-request set-var(txn.after_{scope}) {name}"))
                .read(
                    &format!("after-{scope}"),
                    &format!("var(txn.after_{scope})"),
                );
        }
        let reply = config.start(haproxy).get("/set");
        for scope in scopes {
            assert_eq!(
                reply.header(&format!("before-{scope}")),
                Some("/set"),
                "{scope}"
            );
            assert_eq!(reply.header(&format!("after-{scope}")), None, "{scope}");
        }
    });
}

#[spoe_message("process")]
fn process() -> [SetVar<u8>; 2] {
    [SetVar::process("known", 1), SetVar::process("stranger", 1)]
}

#[test]
fn haproxy_sets_a_variable_of_proc_only_if_it_knows_the_name() {
    let agent = Background::agent(|agent| agent.handlers(handlers![process]));
    for_each_haproxy(|haproxy| {
        let config = Config::new(agent.addr()).message(Message::new("process"));
        let known = config.clone().register_var_names("known").start(haproxy);
        let forced = config.spoe_agent("option force-set-var").start(haproxy);
        let is_set = |proxy: &spoa_tests::Proxy, name: &str| {
            let said = proxy.admin(&format!("get var proc.iprep.{name}"));
            said.contains("value=<1>") || !said.contains("not found") && panic!("{said}")
        };
        for (proxy, stranger) in [(known, false), (forced, true)] {
            proxy.get("/");
            assert!(is_set(&proxy, "known"));
            assert_eq!(is_set(&proxy, "stranger"), stranger);
        }
    });
}

#[spoe_message("names")]
fn names() -> [SetVar<u8>; 4] {
    // With `txn.iprep.` before them, they have 63 and 64 characters.
    [
        SetVar::transaction("n".repeat(53), 1),
        SetVar::transaction("n".repeat(54), 2),
        SetVar::transaction("With.Dots_and_9", 3),
        SetVar::transaction("after", 4),
    ]
}

#[test]
fn a_name_may_have_63_characters_with_scope_and_prefix() {
    let agent = Background::agent(|agent| agent.handlers(handlers![names]));
    for_each_haproxy(|haproxy| {
        let long = |length| format!("txn.iprep.{}", "n".repeat(length));
        let proxy = Config::new(agent.addr())
            .message(Message::new("names"))
            .read("fits", &format!("var({})", long(53)))
            .read("too-long", &format!("var({})", long(54)))
            .vars(["txn.iprep.With.Dots_and_9", "txn.iprep.after"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(reply.header("fits"), Some("1"));
        assert_eq!(reply.header("too-long"), None, "HAProxy drops it silently");
        assert_eq!(reply.var("txn.iprep.With.Dots_and_9"), Some("3"));
        assert_eq!(
            reply.var("txn.iprep.after"),
            Some("4"),
            "and goes on after it"
        );
    });
}
