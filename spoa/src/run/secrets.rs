//! The values of secret options, which no error and no line of the log shows.

use std::borrow::Cow;
use std::sync::OnceLock;

/// Shorter values are not looked for: most texts would contain them by chance.
const MIN: usize = 4;

/// The text in place of a secret.
pub(super) const HIDDEN: &str = "(secret)";

/// Values that are secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Secrets(Vec<String>);

/// The secrets of the program that runs.
static KEPT: OnceLock<Secrets> = OnceLock::new();

impl Secrets {
    /// Takes secret values.
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let values = values.into_iter().filter(|value| value.len() >= MIN);
        let mut forms: Vec<_> = values
            .flat_map(|value| {
                // As `Debug` and JSON write it, and as JSON writes what `Debug` wrote.
                let escaped = escaped(&value);
                [
                    escaped_for_line(&value),
                    self::escaped(&escaped),
                    escaped,
                    value,
                ]
            })
            .collect();
        // One secret may be a part of another one.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Secrets(forms)
    }

    /// Hides these secrets in all output of the program from now on.
    pub(super) fn keep(self) {
        if !self.0.is_empty() {
            let _ = KEPT.set(self);
        }
    }

    /// Returns a text without the secrets in it.
    pub(super) fn hide<'t>(&self, text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
        self.0.iter().fold(text.into(), |text, secret| {
            if text.contains(secret) {
                text.replace(secret, HIDDEN).into()
            } else {
                text
            }
        })
    }

    /// Returns a JSON object without the secrets in its values. It stays JSON: a secret may be a number, or have a
    /// letter that is also a part of an escape. If there was a secret, the keys are in alphabetical order.
    #[cfg(feature = "log-json")]
    fn hide_in_json<'t>(&self, record: &'t str) -> Cow<'t, str> {
        let Ok(mut value) = serde_json::from_str(record) else {
            return self.hide(record);
        };
        if self.hide_in_value(&mut value) {
            value.to_string().into()
        } else {
            record.into()
        }
    }

    /// Hides the secrets in a JSON value, and returns whether there were any.
    #[cfg(feature = "log-json")]
    fn hide_in_value(&self, value: &mut serde_json::Value) -> bool {
        use serde_json::Value;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(values) => {
                let hidden = values.iter_mut().map(|value| self.hide_in_value(value));
                return hidden.fold(false, |any, hidden| any | hidden);
            }
            Value::Object(values) => {
                let hidden = values.values_mut().map(|value| self.hide_in_value(value));
                return hidden.fold(false, |any, hidden| any | hidden);
            }
            Value::Null | Value::Bool(_) => return false,
        };
        let hidden = self.hide(text.as_str());
        let any = hidden != text;
        if any {
            *value = hidden.into_owned().into();
        }
        any
    }
}

/// Returns a text without the secrets of the program that runs.
pub(super) fn hide<'t>(text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
    match KEPT.get() {
        Some(secrets) => secrets.hide(text),
        None => text.into(),
    }
}

/// Returns a JSON object without the secrets of the program that runs.
#[cfg(feature = "log-json")]
pub(super) fn hide_in_json(record: &str) -> Cow<'_, str> {
    match KEPT.get() {
        Some(secrets) => secrets.hide_in_json(record),
        None => record.into(),
    }
}

fn escaped(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted.trim_matches('"').to_owned()
}

fn escaped_for_line(text: &str) -> String {
    crate::text::one_line(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_that_the_log_writes() {
        let secrets = Secrets::new([
            "hunter2".to_owned(),
            "a\"b\\c d".to_owned(),
            "hunter2+".to_owned(),
        ]);
        for (text, hidden) in [
            ("token hunter2, hunter2+.", "token (secret), (secret)."),
            ("nothing", "nothing"),
            ("a\"b\\c d", "(secret)"),
            (r#"Some("a\"b\\c d")"#, r#"Some("(secret)")"#),
            (
                r#"{"message":"Some(\"a\\\"b\\\\c d\")"}"#,
                r#"{"message":"Some(\"(secret)\")"}"#,
            ),
        ] {
            assert_eq!(secrets.hide(text), hidden);
        }
    }

    #[cfg(feature = "log-json")]
    #[test]
    fn json_without_its_secrets_is_still_json() {
        let secrets = Secrets::new(["4711".to_owned(), "nope".to_owned(), "key\\".to_owned()]);
        for (record, hidden) in [
            (r#"{"message":"m"}"#, r#"{"message":"m"}"#),
            (
                r#"{"list":[4711],"span":{"stream":147112},"text":"4711"}"#,
                r#"{"list":["(secret)"],"span":{"stream":"1(secret)2"},"text":"(secret)"}"#,
            ),
            (
                r#"{"message":"a\nope","quoted":"key\""}"#,
                r#"{"message":"a\nope","quoted":"key\""}"#,
            ),
            (
                r#"{"message":"nope, key\\"}"#,
                r#"{"message":"(secret), (secret)"}"#,
            ),
        ] {
            assert_eq!(secrets.hide_in_json(record), hidden);
        }
    }

    #[test]
    fn short_values_are_not_looked_for() {
        let secrets = Secrets::new(["".to_owned(), "abc".to_owned()]);
        assert_eq!(secrets, Secrets::default());
    }
}
