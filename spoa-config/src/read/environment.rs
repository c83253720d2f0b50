//! The environment that lines are read in: that of HAProxy, as far as it is known here, and what
//! `setenv`, `presetenv`, `unsetenv` and `resetenv` make of it.
//!
//! HAProxy reads these lines of `global` before everything else from 3.1 on, and then again in their place.
//! Started with `-W`, its worker first restores the environment, so that they count only in their place.

use super::words::Word;
use std::collections::BTreeMap;

/// What a variable of the environment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It is set to this.
    Text(String),
    /// It is not set, whatever HAProxy is started with.
    Unset,
    /// It is not set here, but HAProxy may be started with it.
    Missing,
    /// It is set or not, which is not decided here.
    Unknown,
}

/// The environment in which the lines of a configuration are read.
///
/// HAProxy from 3.1 on reads `global` twice if it is started without `-W`: what the first reading has
/// set is there from the first line of the second. With `-W` the worker begins again with the environment
/// that HAProxy was started in. A variable that is not the same in both is [`Value::Unknown`].
pub(super) struct Environment<'a> {
    /// The one that HAProxy is started in, as far as it is known.
    outside: &'a dyn Fn(&str) -> Option<String>,
    /// What the configuration has changed, if it is read once.
    once: Changes,
    /// What it has changed, if it is read a second time.
    twice: Option<Changes>,
}

/// What lines of `global` have made of the environment.
#[derive(Clone, Default)]
struct Changes {
    changed: BTreeMap<String, Value>,
    /// What all others are, if `resetenv` has removed them.
    others: Option<Value>,
    /// The environment of a HAProxy without `-W`, which has read the lines of `global` before.
    reread: Option<Box<Environment<'a>>>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(outside: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Environment {
            outside,
            once: Changes::default(),
            twice: None,
        }
    }

    /// Returns the environment in which the same files are read after this first reading of them.
    pub(super) fn again(self) -> Self {
        Environment {
            outside: self.outside,
            once: Changes::default(),
            twice: Some(self.once),
        }
    }

    /// Returns what a variable is.
    pub(super) fn get(&self, name: &str) -> Value {
        let value = self.once.get(name, self.outside);
        let twice = self.twice.as_ref();
        if twice.is_none_or(|twice| twice.get(name, self.outside) == value) {
            value
        } else {
            Value::Unknown
        }
    }

    /// Applies a line of `global`. Whether it is read may be uncertain.
    pub(super) fn take(&mut self, words: &[Word], certain: bool) {
        let outside = self.outside;
        for changes in [Some(&mut self.once), self.twice.as_mut()]
            .into_iter()
            .flatten()
        {
            changes.take(words, certain, outside);
        }
    }
}

impl Changes {
    fn get(&self, name: &str, outside: &dyn Fn(&str) -> Option<String>) -> Value {
        let changed = self.changed.get(name).or(self.others.as_ref());
        match (changed, outside(name)) {
            (Some(value), _) => value.clone(),
            (None, Some(text)) => Value::Text(text),
            (None, None) => Value::Missing,
        }
    }

    fn take(&mut self, words: &[Word], certain: bool, outside: &dyn Fn(&str) -> Option<String>) {
        let Some((keyword, rest)) = words.split_first() else {
            return;
        };
        let becomes = |value: Value| if certain { value } else { Value::Unknown };
        match (keyword.text.as_str(), rest) {
            ("setenv", [name, value]) => {
                let value = if value.known {
                    Value::Text(value.text.clone())
                } else {
                    Value::Unknown
                };
                self.changed.insert(name.text.clone(), becomes(value));
            }
            ("presetenv", [name, value]) => {
                let value = match (self.get(&name.text, outside), value.known) {
                    (Value::Text(_), _) => return,
                    (Value::Unknown, _) | (_, false) => Value::Unknown,
                    (Value::Unset | Value::Missing, true) => Value::Text(value.text.clone()),
                };
                self.changed.insert(name.text.clone(), becomes(value));
            }
            ("unsetenv", names) => {
                for name in names {
                    self.changed
                        .insert(name.text.clone(), becomes(Value::Unset));
                }
            }
            ("resetenv", kept) => {
                let kept: BTreeMap<_, _> = kept
                    .iter()
                    .map(|name| (name.text.clone(), self.get(&name.text, outside)))
                    .collect();
                self.changed = kept;
                self.others = Some(becomes(Value::Unset));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    fn outside(name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }

    /// What a variable is after these lines; those that begin with `?` are not certain.
    fn after(lines: &[&str], name: &str) -> Value {
        let mut environment = Environment::new(&outside);
        for line in lines {
            let certain = !line.starts_with('?');
            let words = words(line.trim_start_matches('?'), 0, 0, &|name| {
                environment.get(name)
            });
            environment.take(&words, certain);
        }
        environment.get(name)
    }

    /// What a variable is at the end of the second reading of these lines.
    fn after_twice(lines: &[&str], name: &str) -> Value {
        let mut environment = Environment::new(&outside);
        for reading in 0..2 {
            for line in lines {
                let words = words(line, 0, 0, &|name| environment.get(name));
                environment.take(&words, true);
            }
            if reading == 0 {
                environment = environment.again();
            }
        }
        environment.get(name)
    }

    #[test]
    fn what_a_second_reading_changes_is_unknown() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (lines, name, expected) in [
            (&["setenv A x"][..], "A", text("x")),
            (&["presetenv A x"], "A", text("x")),
            (&["presetenv HOME x"], "HOME", text("/root")),
            (&["setenv A x", r#"setenv B "$A/y""#], "B", text("x/y")),
            (&[r#"setenv HOME "$HOME/x""#], "HOME", Value::Unknown),
            (
                &[r#"setenv B "${A-none}""#, "setenv A x"],
                "B",
                Value::Unknown,
            ),
            (&["presetenv A x", "setenv A y"], "A", text("y")),
            (&["unsetenv HOME", "presetenv HOME x"], "HOME", text("x")),
            (&["presetenv HOME x", "unsetenv HOME"], "HOME", Value::Unset),
            (&["presetenv A x", "resetenv"], "A", Value::Unset),
            (&[], "NONE", Value::Missing),
        ] {
            assert_eq!(after_twice(lines, name), expected, "{lines:?} {name}");
        }
    }

    #[test]
    fn lines_of_global_change_it() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (lines, name, expected) in [
            (&[][..], "HOME", text("/root")),
            (&[], "NONE", Value::Missing),
            (&["setenv HOME /a"], "HOME", text("/a")),
            (&["presetenv HOME /a"], "HOME", text("/root")),
            (&["presetenv NONE a"], "NONE", text("a")),
            (&["setenv A x", r#"setenv B "$A/y""#], "B", text("x/y")),
            (&[r#"setenv B "$NONE/y""#], "B", Value::Unknown),
            (&["unsetenv HOME A"], "HOME", Value::Unset),
            (&["unsetenv HOME", "presetenv HOME /a"], "HOME", text("/a")),
            (&["setenv A x", "resetenv"], "A", Value::Unset),
            (&["setenv A x", "resetenv"], "HOME", Value::Unset),
            (&["setenv A x", "resetenv A HOME"], "A", text("x")),
            (&["setenv A x", "resetenv HOME"], "HOME", text("/root")),
            (&["?setenv HOME /a"], "HOME", Value::Unknown),
            (&["?unsetenv HOME"], "HOME", Value::Unknown),
            (&["?resetenv"], "HOME", Value::Unknown),
            (&["setenv A"], "A", Value::Missing),
        ] {
            assert_eq!(after(lines, name), expected, "{lines:?} {name}");
        }
    }
}
