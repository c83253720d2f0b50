//! Judges requests and responses by rules, with the messages and variables of coraza-spoa.

mod rules;

use rules::{Part, Rule, Rules, json_texts};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{Form, Headers, Path, Query, Verdict};
use spoa::prelude::*;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(clap::Args)]
struct Options {
    /// File with the rules
    #[arg(long, value_name = "FILE", default_value = "rules.txt")]
    rules: PathBuf,
    /// Score from which a request or a response is denied, at least 1
    #[arg(long, value_name = "N", default_value = "5")]
    deny_from: NonZeroU32,
}

spoa::outcomes! {
    /// The verdicts on requests and responses.
    pub struct Firewall {
        deny: 403;
    }
}

/// The answer: the verdict, and what it is founded on.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Judged {
    #[spoa(flatten)]
    verdict: Verdict<Firewall>,
    /// The name of a request in logs.
    id: Option<String>,
    anomaly_score: u32,
    rules_hit: u32,
    /// The rules that match, if HAProxy asks for them.
    rule_ids: Option<String>,
    /// The rule that made the score reach the limit.
    ruleid: Option<u32>,
}

static JUDGED: Counters<2> = Counters::new(
    "waf_judged",
    "Requests and responses by verdict",
    ["of", "verdict"],
);

/// The arguments of `coraza-req` that rules look at.
#[derive(FromMessage)]
struct Request<'a> {
    #[spoa(default, sample = "method")]
    method: &'a [u8],
    #[spoa(default, sample = "path")]
    path: &'a [u8],
    query: Query<'a>,
    headers: Headers<'a>,
    #[spoa(default, sample = "req.body")]
    body: &'a [u8],
    #[spoa("exportRuleIDs", default, sample = "bool(true)")]
    export_rule_ids: bool,
}

/// The arguments of `coraza-res` that rules look at.
#[derive(FromMessage)]
struct Response<'a> {
    #[spoa(sample = "status")]
    status: u16,
    headers: Headers<'a>,
    #[spoa(default, sample = "res.body")]
    body: &'a [u8],
    #[spoa("exportRuleIDs", default, sample = "bool(true)")]
    export_rule_ids: bool,
    /// Whether the response passes in any case.
    #[spoa("detect-only", default, sample = "bool(false)")]
    detect_only: bool,
}

/// Returns a name that no other request has, from a random start.
fn id() -> String {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    static RANDOM: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let number = REQUESTS.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", RANDOM.hash_one(number))
}

/// Judges a request. The site's rules send it.
#[spoe_message("coraza-req", group = "coraza-req")]
fn request(
    request: Request<'_>,
    State(rules): State<'_, Rules>,
    State(options): State<'_, Options>,
) -> Judged {
    let mut parts: Vec<Part<'_>> = vec![
        ("method", request.method.into()),
        ("path", request.path.into()),
        ("path", Path::new(request.path).decoded()),
        ("body", request.body.into()),
    ];
    let form = Form::new(request.body);
    for (name, value) in request.query.iter().chain(form.iter()) {
        parts.extend([("args", name), ("args", value)]);
    }
    parts.extend(json_texts(request.body).map(|text| ("args", text)));
    let hits = rules.hits(&parts, request.headers);
    Judged {
        id: Some(id()),
        ..judge(
            "request",
            &hits,
            Some(options.deny_from),
            request.export_rule_ids,
        )
    }
}

/// Judges a response.
#[spoe_message("coraza-res", event = "on-http-response")]
fn response(
    response: Response<'_>,
    State(rules): State<'_, Rules>,
    State(options): State<'_, Options>,
) -> Judged {
    let status = response.status.to_string();
    let parts = [
        ("status", status.as_bytes().into()),
        ("response", response.body.into()),
    ];
    let hits = rules.hits(&parts, response.headers);
    let deny_from = (!response.detect_only).then_some(options.deny_from);
    judge("response", &hits, deny_from, response.export_rule_ids)
}

/// Judges by the rules that match. Without a limit, nothing is denied.
fn judge(
    of: &'static str,
    hits: &[&Rule],
    deny_from: Option<NonZeroU32>,
    export_rule_ids: bool,
) -> Judged {
    let (mut anomaly_score, mut ruleid) = (0_u32, None);
    for rule in hits {
        anomaly_score = anomaly_score.saturating_add(rule.score);
        if deny_from.is_some_and(|from| anomaly_score >= from.get()) {
            ruleid = ruleid.or(Some(rule.id));
        }
    }
    let ids: Vec<_> = hits.iter().map(|rule| rule.id.to_string()).collect();
    let rule_ids = ids.join(",");
    let verdict = match ruleid {
        Some(_) => Verdict::deny::<403>().reason(rule_ids.clone()),
        None => Verdict::allow(),
    };
    JUDGED.inc([of, verdict.outcome().as_str()]);
    Judged {
        verdict,
        id: None,
        anomaly_score,
        rules_hit: u32::try_from(hits.len()).unwrap_or(u32::MAX),
        rule_ids: export_rule_ids.then_some(rule_ids),
        ruleid,
    }
}

fn main() {
    spoa::run!(
        name = "coraza",
        options = Options,
        reload = Rules::load(&options.rules)?,
        watch = options.rules,
    )
}
