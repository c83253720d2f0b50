//! The environment that lines are read in: that of HAProxy, as far as it is known here, and what
//! `setenv`, `presetenv`, `unsetenv` and `resetenv` make of it.
//!
//! HAProxy reads these lines of `global` before everything else from 3.1 on, and then again in their place.
//! Started with `-W`, its worker first restores the environment, so that they count only in their place.

use super::environment_value::EnvironmentValue;
use super::words::Word;
use std::collections::BTreeMap;

/// An environment.
pub(super) struct Environment<'a> {
    /// The one that HAProxy is started in, as far as it is known.
    outside: &'a dyn Fn(&str) -> Option<String>,
    /// The variables that the configuration has changed.
    changed: BTreeMap<String, EnvironmentValue>,
    /// The value of all others, if `resetenv` has removed them.
    others: Option<EnvironmentValue>,
    /// The environment of a HAProxy without `-W`, which has read the lines of `global` before.
    reread: Option<Box<Environment<'a>>>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(outside: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Environment {
            outside,
            changed: BTreeMap::new(),
            others: None,
            reread: None,
        }
    }

    /// Returns the environment at the start of files whose lines of `global` have been read once. A variable
    /// that depends on whether HAProxy was started with `-W` is not known in it.
    pub(super) fn read_again(self) -> Self {
        Environment {
            reread: Some(Box::new(Environment {
                reread: None,
                ..self
            })),
            ..Environment::new(self.outside)
        }
    }

    /// Returns the value of a variable.
    pub(super) fn get(&self, name: &str) -> EnvironmentValue {
        let value = self.get_once(name);
        match &self.reread {
            Some(reread) if reread.get_once(name) != value => EnvironmentValue::Unknown,
            _ => value,
        }
    }

    fn get_once(&self, name: &str) -> EnvironmentValue {
        let changed = self.changed.get(name).or(self.others.as_ref());
        match (changed, (self.outside)(name)) {
            (Some(value), _) => value.clone(),
            (None, Some(text)) => EnvironmentValue::Text(text),
            (None, None) => EnvironmentValue::Missing,
        }
    }

    /// Takes in a line of `global`. Whether it is read may be uncertain.
    pub(super) fn take(&mut self, words: &[Word], certain: bool) {
        if let Some(reread) = &mut self.reread {
            reread.take(words, certain);
        }
        let Some((keyword, rest)) = words.split_first() else {
            return;
        };
        let becomes = |value: EnvironmentValue| {
            if certain {
                value
            } else {
                EnvironmentValue::Unknown
            }
        };
        match (keyword.text.as_str(), rest) {
            ("setenv", [name, value]) => {
                let value = if value.known {
                    EnvironmentValue::Text(value.text.clone())
                } else {
                    EnvironmentValue::Unknown
                };
                self.changed.insert(name.text.clone(), becomes(value));
            }
            ("presetenv", [name, value]) => {
                let value = match (self.get_once(&name.text), value.known) {
                    (EnvironmentValue::Text(_), _) => return,
                    (EnvironmentValue::Unknown, _) | (_, false) => EnvironmentValue::Unknown,
                    (EnvironmentValue::Unset | EnvironmentValue::Missing, true) => {
                        EnvironmentValue::Text(value.text.clone())
                    }
                };
                self.changed.insert(name.text.clone(), becomes(value));
            }
            ("unsetenv", names) => {
                for name in names {
                    self.changed
                        .insert(name.text.clone(), becomes(EnvironmentValue::Unset));
                }
            }
            ("resetenv", kept) => {
                let kept: BTreeMap<_, _> = kept
                    .iter()
                    .map(|name| (name.text.clone(), self.get_once(&name.text)))
                    .collect();
                self.changed = kept;
                self.others = Some(becomes(EnvironmentValue::Unset));
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

    /// Returns the value of a variable after these lines; those that begin with `?` are not certain.
    fn after(lines: &[&str], name: &str) -> EnvironmentValue {
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

    #[test]
    fn lines_of_global_change_the_environment() {
        let text = |text: &str| EnvironmentValue::Text(text.to_owned());
        for (lines, name, expected) in [
            (&[][..], "HOME", text("/root")),
            (&[], "NONE", EnvironmentValue::Missing),
            (&["setenv HOME /a"], "HOME", text("/a")),
            (&["presetenv HOME /a"], "HOME", text("/root")),
            (&["presetenv NONE a"], "NONE", text("a")),
            (&["setenv A x", r#"setenv B "$A/y""#], "B", text("x/y")),
            (&[r#"setenv B "$NONE/y""#], "B", EnvironmentValue::Unknown),
            (&["unsetenv HOME A"], "HOME", EnvironmentValue::Unset),
            (&["unsetenv HOME", "presetenv HOME /a"], "HOME", text("/a")),
            (&["setenv A x", "resetenv"], "A", EnvironmentValue::Unset),
            (&["setenv A x", "resetenv"], "HOME", EnvironmentValue::Unset),
            (&["setenv A x", "resetenv A HOME"], "A", text("x")),
            (&["setenv A x", "resetenv HOME"], "HOME", text("/root")),
            (&["?setenv HOME /a"], "HOME", EnvironmentValue::Unknown),
            (&["?unsetenv HOME"], "HOME", EnvironmentValue::Unknown),
            (&["?resetenv"], "HOME", EnvironmentValue::Unknown),
            (&["setenv A"], "A", EnvironmentValue::Missing),
        ] {
            assert_eq!(after(lines, name), expected, "{lines:?} {name}");
        }
    }
}
