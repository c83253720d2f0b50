//! The messages of the agents whose configurations are written: one list for each way in which a message can be sent.

use std::time::Duration;

use spoa_config::{
    Action, Argument, Expected, HeaderChange, HeaderRule, Message, Outcome, Presence, Variable,
    Verdict,
};

fn argument(name: &str, rust_type: &str, expected: Expected, sample: &str) -> Argument {
    Argument {
        name: Some(name.to_owned()),
        index: None,
        rust_type: rust_type.to_owned(),
        expected,
        required: true,
        sample: Some(sample.to_owned()),
        guess: None,
    }
}

fn variable(scope: &str, name: &str, rust_type: &str, presence: Presence) -> Variable {
    Variable {
        scope: scope.to_owned(),
        name: name.to_owned(),
        rust_type: Some(rust_type.to_owned()),
        presence,
    }
}

/// The ways in which a message can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// At the event of its samples, for a variable of the transaction.
    Plain,
    /// Under a condition, for what is optional.
    Conditional,
    /// With a group, which has a condition.
    Grouped,
    /// With the body of the request and that of the response.
    Bodies,
    /// At the session, for a variable of that, without anything that is set for sure.
    Session,
    /// At the events of servers, for verdicts.
    Servers,
    /// At the event of backends, for a verdict and a body.
    Backends,
    /// For a verdict on the request, another with variables of its own, and one on the response.
    Judged,
    /// For answers that HAProxy can keep: some under conditions, one of the session, and one in a group.
    Numbers,
}

pub(super) const KINDS: [Kind; 9] = [
    Kind::Plain,
    Kind::Conditional,
    Kind::Grouped,
    Kind::Bodies,
    Kind::Session,
    Kind::Servers,
    Kind::Backends,
    Kind::Judged,
    Kind::Numbers,
];

/// A verdict that can be anything, and its variables.
fn verdict(prefix: &str) -> (Verdict, Vec<Variable>) {
    let mut outcomes = Vec::new();
    for action in Action::ALL {
        let statuses: &[Option<u16>] = match action {
            Action::Drop => &[None],
            Action::Redirect => &[Some(302), Some(307)],
            Action::Respond => &[Some(200)],
            _ => &[Some(403), Some(418)],
        };
        outcomes.extend(statuses.iter().map(|status| Outcome {
            action: *action,
            status: *status,
        }));
    }
    let headers = [
        (false, HeaderChange::Set, "x-user"),
        (false, HeaderChange::Remove, "authorization"),
        (true, HeaderChange::Add, "set-cookie"),
    ];
    let headers = headers.map(|(of_response, change, name)| HeaderRule {
        of_response,
        change,
        name: Some(name.to_owned()),
        variable: format!("{prefix}header_{}", name.replace('-', "_")),
    });
    let of = |name: &str| format!("{prefix}{name}");
    let verdict = Verdict {
        declared_by: "Firewall".to_owned(),
        action: of("action"),
        status: of("status"),
        data: of("data"),
        content_type: of("content_type"),
        reason: of("reason"),
        outcomes,
        headers: headers.to_vec(),
    };
    let mut variables = vec![variable("txn", &verdict.action, "&str", Presence::Always)];
    let others = ["status", "data", "content_type", "reason"].map(of);
    let headers = verdict.headers.iter().map(|it| it.variable.clone());
    for name in others.into_iter().chain(headers) {
        variables.push(variable("txn", &name, "Cow<str>", Presence::Sometimes));
    }
    (verdict, variables)
}

pub(super) fn messages(kind: Kind) -> Vec<Message> {
    let message = |name: &str, arguments: Vec<Argument>, variables: Vec<Variable>| Message {
        name: name.to_owned(),
        function: format!("agent::{name}"),
        location: ("src/main.rs".to_owned(), 7),
        timeout: Some(Duration::from_millis(200)),
        arguments,
        variables,
        ..Message::default()
    };
    let path = || argument("path", "&[u8]", Expected::Bytes, "path");
    let always = Presence::Always;
    let event = |event: &str, message: Message| Message {
        event: Some(event.to_owned()),
        ..message
    };
    match kind {
        Kind::Plain => vec![event(
            "on-frontend-http-request",
            message(
                "check",
                vec![path()],
                vec![variable("txn", "blocked", "bool", always)],
            ),
        )],
        Kind::Conditional => {
            let perhaps = variable("txn", "rules_hit", "Option<String>", Presence::Sometimes);
            let mut check = event(
                "on-frontend-http-request",
                message("check", vec![path()], vec![perhaps]),
            );
            check.condition = Some("unless { path_beg /static/ } or METH_GET".to_owned());
            vec![check]
        }
        Kind::Grouped => {
            let limited = variable("txn", "limited", "bool", always);
            let mut limit = message("limit", vec![path()], vec![limited]);
            limit.group = Some("limits".to_owned());
            limit.condition = Some("if { path_beg /api/ } or { path_beg /v2/ }".to_owned());
            let mut other = message(
                "other",
                vec![argument("method", "&[u8]", Expected::Bytes, "method")],
                Vec::new(),
            );
            other.group = Some("limits".to_owned());
            vec![limit, other]
        }
        Kind::Bodies => {
            let body = |sample: &str| argument("body", "&[u8]", Expected::Bytes, sample);
            let blocked = variable("txn", "blocked", "bool", always);
            let leak = variable("res", "leak", "bool", always);
            let mut late = event(
                "on-http-response",
                message("leak", vec![body("res.body")], vec![leak]),
            );
            late.condition = Some("if { status 200 }".to_owned());
            vec![
                event(
                    "on-frontend-http-request",
                    message("check", vec![body("req.body")], vec![blocked]),
                ),
                late,
            ]
        }
        Kind::Session => {
            let score = variable("sess", "ip_score", "u8", always);
            let src = argument("ip", "IpAddr", Expected::Address, "src");
            let connected = event(
                "on-client-session",
                message("connected", vec![src], vec![score]),
            );
            let total = variable("proc", "total", "u32", always);
            let nothing = event(
                "on-frontend-http-request",
                message("count", vec![path()], vec![total]),
            );
            vec![connected, nothing]
        }
        Kind::Numbers => {
            let (mut plain, mut variables) = verdict("");
            plain.headers.clear();
            plain
                .outcomes
                .retain(|it| matches!(it.action, Action::Deny | Action::Tarpit | Action::Drop));
            variables.retain(|it| !it.name.starts_with("header_"));
            variables.push(variable("txn", "score", "u16", always));
            let user = || {
                argument(
                    "user",
                    "&[u8]",
                    Expected::Bytes,
                    "req.hdr(x-user),bytes(0,99)",
                )
            };
            let mut judge = message("judge", vec![user()], variables);
            judge.verdicts = vec![plain];
            judge.condition = Some("unless { path_beg /static/ } or METH_GET".to_owned());
            let src = argument("ip", "IpAddr", Expected::Address, "src");
            let local = variable("sess", "local", "bool", always);
            let mut known = message(
                "known",
                vec![user()],
                vec![variable("txn", "known", "u32", always)],
            );
            known.group = Some("users".to_owned());
            known.condition = Some("if { path_beg /api/ } or { path_beg /v2/ }".to_owned());
            let all = [
                event("on-frontend-http-request", judge),
                event(
                    "on-client-session",
                    message("local", vec![src], vec![local]),
                ),
                known,
            ];
            all.map(|message| Message {
                complete: true,
                ..message
            })
            .to_vec()
        }
        Kind::Servers => {
            let judge = |name: &str, at: &str| {
                let (mut verdict, mut variables) = verdict(&format!("{name}_"));
                verdict.headers.retain(|header| header.of_response);
                variables
                    .retain(|it| !it.name.ends_with("user") && !it.name.ends_with("authorization"));
                let src = argument("ip", "IpAddr", Expected::Address, "src");
                let mut judge = message(name, vec![src], variables);
                judge.verdicts = vec![verdict];
                event(at, judge)
            };
            vec![
                judge("server", "on-server-session"),
                judge("response", "on-tcp-response"),
            ]
        }
        Kind::Backends => {
            let (mut verdict, mut variables) = verdict("");
            verdict.headers.retain(|header| header.of_response);
            variables
                .retain(|it| !it.name.ends_with("user") && !it.name.ends_with("authorization"));
            let body = argument("body", "&[u8]", Expected::Bytes, "req.body");
            let mut judge = message("judge", vec![body, path()], variables);
            judge.verdicts = vec![verdict];
            vec![event("on-backend-http-request", judge)]
        }
        Kind::Judged => {
            let judge = |name: &str, prefix: &str, sample: &str| {
                let (verdict, variables) = verdict(prefix);
                let argument = argument("it", "&[u8]", Expected::Bytes, sample);
                let mut message = message(name, vec![argument], variables);
                message.verdicts = vec![verdict];
                message
            };
            // The server has the request by then.
            let mut late = judge("leaks", "leaks_", "res.fhdr(server)");
            for verdict in &mut late.verdicts {
                verdict.headers.retain(|header| header.of_response);
            }
            late.variables
                .retain(|it| !it.name.ends_with("user") && !it.name.ends_with("authorization"));
            vec![
                event("on-frontend-http-request", judge("inspect", "", "path")),
                event("on-frontend-http-request", judge("bots", "bots_", "method")),
                event("on-http-response", late),
            ]
        }
    }
}
