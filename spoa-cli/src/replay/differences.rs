//! The answers that changed, in groups.

use crate::recording::{Change, Exchange};
use serde_json::{Value as Json, json};
use spoa::client::OwnedValue;
use spoa_tools::terminal::Paint;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::io::stdout;
use std::time::Duration;

/// The limit on pairs of values that are kept for a variable; more are counted together.
const PAIRS: usize = 1000;

/// The pairs of values that are printed for a variable.
const PRINTED: usize = 3;

/// The limit on characters of a value that are kept.
const LONGEST: usize = 60;

/// The result of a replay.
#[derive(Debug)]
pub(super) struct Differences {
    ignored: BTreeSet<String>,
    same: u64,
    changed: u64,
    /// Exchanges without a recorded answer.
    uncompared: u64,
    missing: BTreeMap<Missing, Group>,
    variables: HashMap<(String, String), Variable>,
}

/// The reason why an answer is missing from the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    /// The agent closed the connection.
    Closed,
    /// No ACK came in time.
    Late,
    /// The NOTIFY does not fit in a frame of the agent.
    TooBig,
}

/// Exchanges of one kind.
#[derive(Debug)]
struct Group {
    count: u64,
    /// The line and the messages of the first.
    line: usize,
    first: String,
}

/// A variable that changed in the answers to a message.
#[derive(Debug)]
struct Variable {
    group: Group,
    pairs: HashMap<(String, String), u64>,
    /// Changes beyond the pairs that are kept.
    others: u64,
}

impl Differences {
    pub(super) fn new(ignored: impl IntoIterator<Item = String>) -> Self {
        Differences {
            ignored: ignored.into_iter().collect(),
            same: 0,
            changed: 0,
            uncompared: 0,
            missing: BTreeMap::new(),
            variables: HashMap::new(),
        }
    }

    /// Returns whether all answers came and none changed.
    pub(super) fn is_empty(&self) -> bool {
        self.changed == 0 && self.missing.is_empty()
    }

    /// Returns whether the recording had no answer to compare.
    pub(super) fn compared_nothing(&self) -> bool {
        self.same == 0 && self.changed == 0 && self.missing.is_empty()
    }

    /// Compares the recorded answer with another.
    pub(super) fn compare(&mut self, exchange: &Exchange, answer: &[Change]) {
        let Some(recorded) = &exchange.answer else {
            self.uncompared += 1;
            return;
        };
        let (old, new) = (effects(recorded), effects(answer));
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let mut changed = false;
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if same(before, after) || self.ignored.contains(name) {
                continue;
            }
            changed = true;
            let (before, after) = (shown(before), shown(after));
            self.note(exchange, name, before, after);
        }
        if changed {
            self.changed += 1;
        } else {
            self.same += 1;
        }
    }

    /// Notes that an answer is missing.
    pub(super) fn missing(&mut self, exchange: &Exchange, why: Missing) {
        let group = self
            .missing
            .entry(why)
            .or_insert_with(|| Group::new(exchange));
        group.count += 1;
    }

    fn note(&mut self, exchange: &Exchange, variable: &str, before: String, after: String) {
        let names: Vec<&str> = exchange
            .messages
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let key = (names.join("+"), variable.to_owned());
        let variable = self.variables.entry(key).or_insert_with(|| Variable {
            group: Group::new(exchange),
            pairs: HashMap::new(),
            others: 0,
        });
        variable.group.count += 1;
        let pair = (before, after);
        let has_room = variable.pairs.len() < PAIRS;
        match variable.pairs.get_mut(&pair) {
            Some(count) => *count += 1,
            None if has_room => {
                variable.pairs.insert(pair, 1);
            }
            None => variable.others += 1,
        }
    }

    fn sorted(&self) -> Vec<(&(String, String), &Variable)> {
        let mut sorted: Vec<_> = self.variables.iter().collect();
        sorted.sort_by_key(|(key, variable)| (u64::MAX - variable.group.count, *key));
        sorted
    }

    /// Returns the report for a person, with at most `show` variables.
    pub(super) fn text(&self, show: usize, took: Duration) -> String {
        let paint = Paint::of(&stdout());
        let compared = self.same + self.changed;
        let missing: u64 = self.missing.values().map(|group| group.count).sum();
        let mut out = format!(
            "replayed {} NOTIFYs in {:.1} s\n",
            compared + missing + self.uncompared,
            took.as_secs_f64()
        );
        let verdict = format!("{} of {compared} answers changed", self.changed);
        let _ = match self.changed {
            0 => writeln!(out, "{}", paint.good(&verdict)),
            _ => writeln!(out, "{}", paint.bad(&verdict)),
        };
        for (why, group) in &self.missing {
            let text = format!("{} NOTIFYs without an answer: {}", group.count, why.words());
            let _ = writeln!(out, "{}", paint.bad(&text));
            let _ = writeln!(out, "  first: {}", group.place());
        }
        if self.uncompared > 0 {
            let _ = writeln!(
                out,
                "{} NOTIFYs have no ACK in the recording",
                self.uncompared
            );
        }
        let sorted = self.sorted();
        for ((messages, name), variable) in sorted.iter().take(show) {
            let title = format!("{name}  after {messages}");
            let _ = writeln!(out, "\n{:>8}  {}", variable.group.count, paint.bold(&title));
            let pairs = variable.sorted();
            for ((before, after), count) in pairs.iter().take(PRINTED) {
                let _ = writeln!(out, "{count:>18}  {before} -> {after}");
            }
            let printed: u64 = pairs.iter().take(PRINTED).map(|(_, count)| **count).sum();
            let rest = variable.group.count - printed;
            if rest > 0 {
                let _ = writeln!(out, "{rest:>18}  other values");
            }
            let _ = writeln!(out, "          first: {}", variable.group.place());
        }
        if sorted.len() > show {
            let _ = writeln!(
                out,
                "\n{} more variables changed; `--show {}` prints them",
                sorted.len() - show,
                sorted.len()
            );
        }
        out
    }

    /// Returns the report for a program.
    pub(super) fn json(&self) -> Json {
        let missing = self.missing.iter().map(|(why, group)| {
            json!({ "why": why.key(), "count": group.count, "first_line": group.line })
        });
        let variables = self
            .sorted()
            .into_iter()
            .map(|((messages, name), variable)| {
                let pairs = variable.sorted().into_iter().map(|((before, after), count)| {
                json!({ "recorded": before, "replayed": after, "count": count })
            });
                json!({
                    "messages": messages,
                    "variable": name,
                    "count": variable.group.count,
                    "first_line": variable.group.line,
                    "values": pairs.collect::<Json>(),
                    "other_values": variable.others,
                })
            });
        json!({
            "same": self.same,
            "changed": self.changed,
            "not_in_recording": self.uncompared,
            "missing": missing.collect::<Json>(),
            "variables": variables.collect::<Json>(),
        })
    }
}

impl Variable {
    fn sorted(&self) -> Vec<(&(String, String), &u64)> {
        let mut sorted: Vec<_> = self.pairs.iter().collect();
        sorted.sort_by_key(|(pair, count)| (u64::MAX - **count, *pair));
        sorted
    }
}

impl Group {
    fn new(exchange: &Exchange) -> Self {
        let messages = exchange.messages.iter().map(|message| {
            let args = message.args.iter().map(|(name, value)| {
                let value = cut(&value.to_string());
                match name.as_str() {
                    "" => value,
                    name => format!("{name}={value}"),
                }
            });
            format!("{}({})", message.name, args.collect::<Vec<_>>().join(" "))
        });
        Group {
            count: 0,
            line: exchange.line,
            first: messages.collect::<Vec<_>>().join(" "),
        }
    }

    fn place(&self) -> String {
        format!("line {}, {}", self.line, self.first)
    }
}

impl Missing {
    fn words(self) -> &'static str {
        match self {
            Missing::Closed => "the agent closed the connection",
            Missing::Late => "no ACK came within --timeout",
            Missing::TooBig => "they are larger than the frames of the agent",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Missing::Closed => "closed",
            Missing::Late => "timeout",
            Missing::TooBig => "too_big",
        }
    }
}

/// Returns the variables that an answer leaves, and those that it unsets.
fn effects(changes: &[Change]) -> BTreeMap<&str, Option<&OwnedValue>> {
    let effects = changes.iter().map(|change| {
        // A variable that is set to NULL is not set.
        let value = change
            .value
            .as_ref()
            .filter(|value| **value != OwnedValue::Null);
        (change.variable.as_str(), value)
    });
    effects.collect()
}

/// Compares what two answers do to a variable. To HAProxy, all integers are of one type.
fn same(before: Option<&Option<&OwnedValue>>, after: Option<&Option<&OwnedValue>>) -> bool {
    match (before, after) {
        (Some(Some(before)), Some(Some(after))) => {
            match (before.as_integer(), after.as_integer()) {
                (Some(before), Some(after)) => before == after,
                _ => before == after,
            }
        }
        (before, after) => before == after,
    }
}

fn shown(effect: Option<&Option<&OwnedValue>>) -> String {
    match effect {
        None => "no action".to_owned(),
        Some(None) => "unset".to_owned(),
        Some(Some(value)) => cut(&value.to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::RecordedMessage;
    use spoa::spop::FrameIds;

    fn exchange(line: usize, answer: Option<Vec<Change>>) -> Exchange {
        Exchange {
            line,
            connection: 1,
            ids: FrameIds::ZERO,
            messages: vec![RecordedMessage {
                name: "check".to_owned(),
                args: vec![("n".to_owned(), OwnedValue::Int64(line as i64))],
            }],
            answer,
        }
    }

    fn set(variable: &str, value: OwnedValue) -> Change {
        Change {
            variable: variable.to_owned(),
            value: Some(value),
        }
    }

    fn unset(variable: &str) -> Change {
        Change {
            variable: variable.to_owned(),
            value: None,
        }
    }

    #[test]
    fn answers_with_one_effect_are_the_same() {
        let mut differences = Differences::new(["txn.id".to_owned()]);
        for (recorded, answer) in [
            (vec![], vec![]),
            (
                vec![
                    set("txn.a", OwnedValue::Int32(1)),
                    set("txn.b", OwnedValue::Bool(true)),
                ],
                vec![
                    set("txn.b", OwnedValue::Bool(true)),
                    set("txn.a", OwnedValue::Int64(1)),
                ],
            ),
            (
                vec![
                    set("txn.a", OwnedValue::Int32(1)),
                    set("txn.a", OwnedValue::Int32(2)),
                ],
                vec![set("txn.a", OwnedValue::Int32(2))],
            ),
            (vec![set("txn.a", OwnedValue::Null)], vec![unset("txn.a")]),
            (
                vec![set("txn.id", OwnedValue::Int32(1))],
                vec![set("txn.id", OwnedValue::Int32(2))],
            ),
        ] {
            differences.compare(&exchange(1, Some(recorded)), &answer);
        }
        assert!(differences.is_empty(), "{differences:?}");
        assert_eq!(differences.same, 5);
        differences.compare(&exchange(1, None), &[]);
        assert!(differences.is_empty() && differences.uncompared == 1);
    }

    #[test]
    fn changes_are_grouped_by_variable_and_values() {
        let mut differences = Differences::new([]);
        let score = |value| vec![set("sess.score", OwnedValue::Int32(value))];
        for (line, recorded, answer) in [
            (2, score(20), score(80)),
            (3, score(20), score(20)),
            (4, score(20), score(80)),
            (5, score(20), vec![unset("sess.score")]),
            (
                6,
                vec![],
                vec![set("txn.why", OwnedValue::String("list".into()))],
            ),
        ] {
            differences.compare(&exchange(line, Some(recorded)), &answer);
        }
        differences.missing(&exchange(7, None), Missing::Late);
        let expected = "\
replayed 6 NOTIFYs in 0.5 s
4 of 5 answers changed
1 NOTIFYs without an answer: no ACK came within --timeout
  first: line 7, check(n=7)

       3  sess.score  after check
                 2  20 -> 80
                 1  20 -> unset
          first: line 2, check(n=2)

       1  txn.why  after check
                 1  no action -> \"list\"
          first: line 6, check(n=6)
";
        assert_eq!(differences.text(20, Duration::from_millis(500)), expected);
        let short = differences.text(1, Duration::ZERO);
        assert!(short.ends_with("\n1 more variables changed; `--show 2` prints them\n"));
        let json = differences.json();
        assert_eq!((&json["same"], &json["changed"]), (&1.into(), &4.into()));
        assert_eq!(json["variables"][0]["values"][0]["count"], 2);
    }

    #[test]
    fn many_values_of_one_variable_take_bounded_memory() {
        let mut differences = Differences::new([]);
        for value in 0..5000 {
            let answer = vec![set("txn.id", OwnedValue::Int32(value))];
            differences.compare(&exchange(2, Some(vec![])), &answer);
        }
        let json = differences.json();
        assert_eq!(
            json["variables"][0]["values"].as_array().unwrap().len(),
            PAIRS
        );
        assert_eq!(json["variables"][0]["other_values"], 5000 - PAIRS as u64);
    }
}
