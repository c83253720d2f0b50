//! The objects and values of a description, with their places for the text about a mistake.

use serde_json::{Map, Value};

/// A value and its place in the description, such as `messages[1]`.
pub(super) struct JsonPlace<'v> {
    pub(super) path: String,
    pub(super) value: &'v Value,
}

impl JsonPlace<'_> {
    pub(super) fn text(&self) -> Result<String, String> {
        let text = self.value.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("{}: write a string", self.path))
    }
}

/// An object and its place in the description.
pub(super) struct Object<'v> {
    path: String,
    keys: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    pub(super) fn new(path: String, value: &'v Value) -> Result<Self, String> {
        match value {
            Value::Object(keys) => Ok(Object { path, keys }),
            _ if path.is_empty() => Err("write an object: `{ … }`".to_owned()),
            _ => Err(format!("{path}: write an object: `{{ … }}`")),
        }
    }

    /// Refuses keys that the format does not have.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        let Some(key) = self.keys.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let meant = spoa_facts::nearest(key, known.iter().copied());
        Err(self.wrong(&match meant {
            Some(meant) => format!("unknown key `{key}`: did you mean `{meant}`?"),
            None => format!(
                "unknown key `{key}`: the keys here are `{}`",
                known.join("`, `")
            ),
        }))
    }

    pub(super) fn wrong(&self, problem: &str) -> String {
        match self.path.as_str() {
            "" => problem.to_owned(),
            path => format!("{path}: {problem}"),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'v Value> {
        self.keys.get(key)
    }

    /// Returns the value of a key, unless it is absent or `null`.
    fn value<T>(
        &self,
        key: &str,
        what: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let value = self.get(key).filter(|value| !value.is_null());
        let value = value
            .map(|value| read(value).ok_or_else(|| self.wrong(&format!("`{key}` takes {what}"))));
        value.transpose()
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, String> {
        self.value(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, String> {
        self.value(key, "`true` or `false`", Value::as_bool)
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let positive = |value: &Value| value.as_f64().filter(|number| *number >= 0.0);
        self.value(key, "a number, at least 0", positive)
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<Object<'v>>, String> {
        let value = self.value(key, "an object", Some)?;
        let path = self.path_of(key);
        value.map(|value| Object::new(path, value)).transpose()
    }

    pub(super) fn list(&self, key: &str) -> Result<Vec<JsonPlace<'v>>, String> {
        let values = self.value(key, "a list: `[ … ]`", Value::as_array)?;
        let path = self.path_of(key);
        let values = values.into_iter().flatten().enumerate();
        let places = values.map(|(index, value)| JsonPlace {
            path: format!("{path}[{index}]"),
            value,
        });
        Ok(places.collect())
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}
