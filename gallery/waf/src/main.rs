//! Judges requests and responses by rules, with the messages and variables of coraza-spoa.

mod rules;

use rules::{Parts, Rule, json_texts};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{Form, Headers, Path, Query, Verdict};
use spoa::prelude::*;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::path::PathBuf;

#[derive(clap::Args)]
struct Options {
    /// File with the rules
    #[arg(long, value_name = "FILE", default_value = "rules.txt")]
    rules: PathBuf,
    /// Score that denies a request or a response, at least 1
    #[arg(long, value_name = "N", default_value = "5")]
    deny_from: NonZeroU32,
}

spoa::outcomes! {
    /// The verdicts on requests and responses, besides `allow`.
    struct Outcomes { deny: 403; }
}

/// The answer: the verdict, and the rules that led to it.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Judged {
    #[spoa(flatten)]
    verdict: Verdict<Outcomes>,
    anomaly_score: u32,
    rules_hit: u64,
    /// The rules that match, if HAProxy asks for them.
    rule_ids: Option<String>,
    /// The rule that made the score reach the limit.
    ruleid: Option<u32>,
}

static JUDGED: Counters<2> = Counters::new("waf_judged", "Judged messages", ["of", "verdict"]);

/// The arguments that both messages have, the rules, and the options.
#[derive(FromMessage)]
struct Firewall<'a> {
    headers: Headers<'a>,
    #[spoa("exportRuleIDs", default, sample = "bool(true)")]
    export_rule_ids: bool,
    rules: State<'a, Vec<Rule>>,
    options: State<'a, Options>,
}

impl Firewall<'_> {
    /// Judges by the rules that match. With `detect_only`, nothing is denied.
    fn judge(&self, of: &'static str, parts: &Parts<'_>, detect_only: bool) -> Judged {
        let (mut ids, mut anomaly_score, mut ruleid) = (Vec::new(), 0_u32, None);
        let rules = self.rules.iter();
        for rule in rules.filter(|rule| rule.finds(parts, self.headers)) {
            ids.push(rule.id.to_string());
            anomaly_score = anomaly_score.saturating_add(rule.score);
            let deny = !detect_only && anomaly_score >= self.options.deny_from.get();
            ruleid = ruleid.or(deny.then_some(rule.id));
        }
        let verdict = ruleid.map_or(Verdict::allow(), |_| Verdict::deny::<403>());
        JUDGED.inc([of, verdict.outcome().as_str()]);
        Judged {
            verdict,
            anomaly_score,
            rules_hit: ids.len() as u64,
            rule_ids: self.export_rule_ids.then(|| ids.join(",")),
            ruleid,
        }
    }
}

/// Judges a request. The site's rules send it.
#[spoe_message("coraza-req", group = "coraza-req")]
fn request(
    #[arg(default, sample = "method")] method: &[u8],
    #[arg(default)] path: Path<'_>,
    query: Query<'_>,
    #[arg("body", default)] form: Form<'_>,
    firewall: Firewall<'_>,
) -> (SetVar<String>, Judged) {
    let pairs = query.iter().chain(form.iter());
    let args = pairs.flat_map(|(name, value)| [name, value]);
    let texts = json_texts(form.as_bytes()).map(Into::into);
    let parts = Parts::from([
        ("method", vec![method.into()]),
        ("path", vec![path.as_bytes().into(), path.decoded()]),
        ("args", args.chain(texts).collect()),
        ("body", vec![form.as_bytes().into()]),
    ]);
    // A random name for the request in logs: each `RandomState` has other keys, so even nothing has another hash.
    let id = format!("{:016x}", RandomState::new().hash_one(()));
    let judged = firewall.judge("request", &parts, false);
    (SetVar::transaction("id", id), judged)
}

/// Judges a response.
#[spoe_message("coraza-res", event = "on-http-response")]
fn response(
    #[arg(sample = "status")] status: u16,
    #[arg(default, sample = "res.body")] body: &[u8],
    #[arg("detect-only", default, sample = "bool(false)")] detect_only: bool,
    firewall: Firewall<'_>,
) -> Judged {
    let parts = Parts::from([
        ("status", vec![status.to_string().into_bytes().into()]),
        ("response", vec![body.into()]),
    ]);
    firewall.judge("response", &parts, detect_only)
}

fn main() {
    spoa::run!(
        name = "coraza",
        options = Options,
        reload = spoa::run::read_lines::<_, Vec<_>, _>(&options.rules, Rule::parse)?,
        watch = options.rules,
    )
}
