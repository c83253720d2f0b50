//! Several verdicts in one NOTIFY, with the rules of the guide: which of them counts.

use spoa::http::Verdict;
use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, Reply, Request, for_each_haproxy};

spoa::outcomes! {
    /// The verdicts of two handlers that share their variables.
    struct Shared {
        deny: 403, 429;
    }
}

spoa::outcomes! {
    /// The verdicts of a handler with variables of its own.
    struct Bots as "bots" {
        deny: 410;
    }
}

fn decide(ask: &[u8]) -> Verdict<Shared> {
    match ask {
        b"403" => Verdict::deny::<403>(),
        b"429" => Verdict::deny::<429>(),
        _ => Verdict::allow(),
    }
}

#[spoe_message("first", event = "on-frontend-http-request")]
fn first(#[arg(sample = "req.fhdr(x-first)", default)] ask: &[u8]) -> Verdict<Shared> {
    decide(ask)
}

/// Judges late, so that its actions are encoded after those of the others.
#[spoe_message("second", event = "on-frontend-http-request")]
async fn second(#[arg(sample = "req.fhdr(x-second)", default)] ask: &[u8]) -> Verdict<Shared> {
    tokio::task::yield_now().await;
    decide(ask)
}

/// Has an opinion only about some requests.
#[spoe_message("third", event = "on-frontend-http-request")]
fn third(#[arg(sample = "req.fhdr(x-third)", default)] ask: &[u8]) -> Option<Verdict<Shared>> {
    (!ask.is_empty()).then(|| decide(ask))
}

#[spoe_message("bots", event = "on-frontend-http-request")]
fn bots(#[arg(sample = "req.fhdr(x-bots)", default)] ask: &[u8]) -> Verdict<Bots> {
    match ask {
        b"410" => Verdict::deny::<410>(),
        _ => Verdict::allow(),
    }
}

/// Decides once about the arguments of all.
#[spoe_message("strict", event = "on-frontend-http-request")]
fn strict(
    #[arg(sample = "req.fhdr(x-first)", default)] first: &[u8],
    #[arg(sample = "req.fhdr(x-second)", default)] second: &[u8],
) -> Verdict<Shared> {
    decide(first).stricter(decide(second))
}

/// Returns the status for a request with these headers.
fn asked(messages: &[&str], ask: &[(&str, &str)], haproxy: &spoa_tests::Haproxy) -> u16 {
    let agent =
        Background::agent(|agent| agent.handlers(handlers![first, second, third, bots, strict]));
    let mut config = Config::new(agent.addr()).var_prefix("waf");
    for name in messages {
        let header = if *name == "strict" { "" } else { name };
        let args = match *name {
            "strict" => "first=req.fhdr(x-first) second=req.fhdr(x-second)".to_owned(),
            _ => format!("ask=req.fhdr(x-{header})"),
        };
        config = config.message(
            Message::new(name)
                .args(&args)
                .event("on-frontend-http-request"),
        );
    }
    for status in [403, 429] {
        config = config.frontend(&format!(
            "http-request deny deny_status {status} if {{ var(txn.waf.action) -m str deny }} \
             {{ var(txn.waf.status) -m int {status} }}"
        ));
    }
    let config = config
        .frontend("http-request deny deny_status 410 if { var(txn.waf.bots_action) -m str deny }");
    let proxy = config.start(haproxy);
    let request = ask
        .iter()
        .fold(Request::get("/"), |request, (name, value)| {
            request.header(&format!("x-{name}"), value)
        });
    let Reply { status, .. } = proxy.send(&request);
    status
}

#[test]
fn the_last_of_several_verdicts_with_the_same_variables_counts() {
    for_each_haproxy(|haproxy| {
        let both = &["first", "second"];
        let two = |first, second| asked(both, &[("first", first), ("second", second)], haproxy);
        assert_eq!(two("403", "429"), 429, "{haproxy}");
        // So a check that allows undoes the denial of an earlier one.
        assert_eq!(two("403", "allow"), 200, "{haproxy}");
        let turned = asked(&["second", "first"], &[("first", "403")], haproxy);
        assert_eq!(turned, 403, "{haproxy}");
    });
}

#[test]
fn a_verdict_that_is_left_out_does_not_undo_another() {
    for_each_haproxy(|haproxy| {
        let messages = &["first", "third"];
        assert_eq!(asked(messages, &[("first", "403")], haproxy), 403);
        let both = [("first", "403"), ("third", "allow")];
        assert_eq!(asked(messages, &both, haproxy), 200, "{haproxy}");
    });
}

#[test]
fn verdicts_with_variables_of_their_own_are_all_enforced() {
    for_each_haproxy(|haproxy| {
        let messages = &["first", "bots"];
        assert_eq!(asked(messages, &[("bots", "410")], haproxy), 410);
        assert_eq!(asked(messages, &[("first", "403")], haproxy), 403);
        let both = [("first", "429"), ("bots", "410")];
        assert_eq!(asked(messages, &both, haproxy), 429, "{haproxy}");
        assert_eq!(asked(messages, &[], haproxy), 200, "{haproxy}");
    });
}

#[test]
fn one_handler_can_combine_verdicts() {
    for_each_haproxy(|haproxy| {
        let ask = |first, second| {
            asked(
                &["strict"],
                &[("first", first), ("second", second)],
                haproxy,
            )
        };
        assert_eq!(ask("allow", "429"), 429, "{haproxy}");
        assert_eq!(ask("403", "allow"), 403, "{haproxy}");
        assert_eq!(ask("allow", "allow"), 200, "{haproxy}");
    });
}
