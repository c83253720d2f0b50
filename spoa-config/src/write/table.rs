//! The stick-table with the answers that HAProxy keeps, and the rules that take and keep them.

use super::condition::{self, TestAndOpposite};
use super::text::Text;
use crate::Outcome;

/// The number of the outcome `allow`. The declared ones follow.
const ALLOW: usize = 1;

/// The keys that a table holds; the oldest make room for new ones.
const ENTRIES: &str = "100k";

/// The table, and what it keeps.
#[derive(Debug)]
pub(super) struct Table {
    /// The name of the section with the table.
    pub(super) name: String,
    /// `type` of the table.
    pub(super) kind: &'static str,
    /// The sample of the key, as the table takes it.
    pub(super) key: String,
    /// The age in seconds from which an answer is asked for again.
    pub(super) seconds: u64,
    /// The counter by which rules reach the entry.
    pub(super) counter: u8,
    pub(super) groups: Vec<Kept>,
}

/// A group whose answers are kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) group: String,
    pub(super) condition: Option<String>,
    /// The variables, without their scope, that hold when it was asked, and how long ago.
    pub(super) asked: String,
    pub(super) age: String,
    /// The place of the time in an entry. The values follow.
    pub(super) place: usize,
    pub(super) values: Vec<TableValue>,
}

/// A value of an answer that fits an entry, which holds numbers of 32 bits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TableValue {
    Number(String),
    Flag(String),
    /// The action of a verdict and its status, by the number of its outcome.
    Verdict {
        action: String,
        status: String,
        outcomes: Vec<Declared>,
    },
    /// The sign of success that a message asks for. It takes no place.
    Sign(String),
}

/// An outcome, and the condition that holds if a verdict is it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) outcome: Outcome,
    pub(super) condition: String,
}

impl TableValue {
    pub(super) fn has_place(&self) -> bool {
        !matches!(self, TableValue::Sign(_))
    }

    /// Returns the variable that shows that there is an answer.
    fn variable(&self) -> &str {
        match self {
            TableValue::Number(variable)
            | TableValue::Flag(variable)
            | TableValue::Sign(variable)
            | TableValue::Verdict {
                action: variable, ..
            } => variable,
        }
    }
}

impl Kept {
    fn is_fresh(&self, seconds: u64) -> String {
        format!("{{ var(txn.{}) -m int lt {seconds} }}", self.age)
    }
}

impl Table {
    /// Returns the test of whether a group need not be sent, if its answers are kept.
    pub(super) fn fresh(&self, group: &str) -> Option<String> {
        let kept = self.groups.iter().find(|kept| kept.group == group)?;
        Some(kept.is_fresh(self.seconds))
    }

    /// Writes the rules that take kept answers.
    pub(super) fn take(&self, text: &mut Text) {
        text.blank();
        text.comment(&format!(
            "Answers are kept for {} s by `{}`: until then, no request of that key asks the agent.",
            self.seconds, self.key
        ));
        let Table { counter, name, .. } = self;
        text.line(&format!(
            "http-request track-sc{counter} {} table {name}",
            self.key
        ));
        for kept in &self.groups {
            let Kept { asked, age, .. } = kept;
            text.line(&format!(
                "http-request set-var(txn.{asked}) sc_get_gpt({},{counter})",
                kept.place
            ));
            text.line(&format!(
                "http-request set-var(txn.{age}) date,sub(txn.{asked})"
            ));
            for (place, value) in kept.places() {
                self.take_value(kept, place, value, text);
            }
        }
    }

    fn take_value(&self, kept: &Kept, place: usize, value: &TableValue, text: &mut Text) {
        let counter = self.counter;
        let fresh = kept.is_fresh(self.seconds);
        let stale = format!("!{fresh}");
        let test = TestAndOpposite {
            holds: &fresh,
            fails: &stale,
        };
        let when = condition::with(test, kept.condition.as_deref());
        let set = |variable: &str, value: &str, when: &str| {
            format!("http-request set-var({variable}) {value} {when}")
        };
        // An earlier request of the session may have set it.
        if value.variable().starts_with("sess.") {
            let condition = kept.condition.as_deref().unwrap_or_default();
            let unset = format!("http-request unset-var({}) {condition}", value.variable());
            text.line(unset.trim_end());
        }
        match value {
            TableValue::Number(variable) => {
                text.line(&set(
                    variable,
                    &format!("sc_get_gpt({place},{counter})"),
                    &when,
                ));
            }
            TableValue::Flag(variable) => {
                let sample = format!("sc_get_gpt({place},{counter}),bool");
                text.line(&set(variable, &sample, &when));
            }
            TableValue::Sign(variable) => text.line(&set(variable, "bool(true)", &when)),
            TableValue::Verdict {
                action,
                status,
                outcomes,
            } => {
                let of = |number: usize| {
                    let is = format!("{fresh} {{ sc_get_gpt({place},{counter}) eq {number} }}");
                    let is_not =
                        format!("{stale} or !{{ sc_get_gpt({place},{counter}) eq {number} }}");
                    let test = TestAndOpposite {
                        holds: &is,
                        fails: &is_not,
                    };
                    condition::with(test, kept.condition.as_deref())
                };
                text.line(&set(action, "str(allow)", &of(ALLOW)));
                for (number, declared) in (ALLOW + 1..).zip(outcomes) {
                    let when = of(number);
                    let Outcome {
                        action: name,
                        status: code,
                    } = declared.outcome;
                    text.line(&set(action, &format!("str({})", name.name()), &when));
                    if let Some(code) = code {
                        text.line(&set(status, &format!("int({code})"), &when));
                    }
                }
            }
        }
    }

    /// Writes the rules that keep new answers.
    pub(super) fn keep(&self, text: &mut Text) {
        text.comment(
            "HAProxy keeps each new answer. If no answer comes, the next request asks again.",
        );
        for kept in &self.groups {
            let fresh = kept.is_fresh(self.seconds);
            let (mut holds, mut fails) = (format!("!{fresh}"), fresh);
            let mut lines = Vec::new();
            for (place, value) in kept.places() {
                let mut found = |variable: &str| {
                    holds.push_str(&format!(" {{ var({variable}) -m found }}"));
                    fails.push_str(&format!(" or !{{ var({variable}) -m found }}"));
                };
                let source = match value {
                    TableValue::Number(variable) | TableValue::Flag(variable) => variable.clone(),
                    TableValue::Sign(variable) => {
                        found(variable);
                        continue;
                    }
                    TableValue::Verdict {
                        action, outcomes, ..
                    } => {
                        // A verdict that is not declared has no number, and is not kept.
                        let number = format!("txn.{}_{place}", kept.asked);
                        let set = format!("http-request set-var({number})");
                        text.line(&format!(
                            "{set} int({ALLOW}) if {{ var({action}) -m str allow }}"
                        ));
                        for (index, declared) in (ALLOW + 1..).zip(outcomes) {
                            text.line(&format!("{set} int({index}) if {}", declared.condition));
                        }
                        number
                    }
                };
                found(&source);
                lines.push((place, format!("var({source})")));
            }
            let test = TestAndOpposite {
                holds: &holds,
                fails: &fails,
            };
            let answered = condition::with(test, kept.condition.as_deref());
            // The time comes last: until then, no other request takes the values.
            lines.push((kept.place, "date".to_owned()));
            for (place, sample) in lines {
                text.line(&format!(
                    "http-request sc-set-gpt({place},{}) {sample} {answered}",
                    self.counter
                ));
            }
        }
    }

    /// Writes the section with the table.
    pub(super) fn section(&self, text: &mut Text) {
        let places: usize = self
            .groups
            .iter()
            .map(|kept| 1 + kept.places().filter(|(_, value)| value.has_place()).count())
            .sum();
        text.section(&format!("backend {}", self.name));
        text.comment("The answers that HAProxy keeps: when it asked, and the values.");
        text.line(&format!(
            "stick-table type {} size {ENTRIES} expire {}s store gpt({places})",
            self.kind, self.seconds
        ));
    }
}

impl Kept {
    /// Returns the values with their places in an entry.
    fn places(&self) -> impl Iterator<Item = (usize, &TableValue)> {
        let mut next = self.place;
        self.values.iter().map(move |value| {
            if value.has_place() {
                next += 1;
            }
            (next, value)
        })
    }
}
