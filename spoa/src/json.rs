//! JSON for programs that read what commands print: values, written with two spaces of indentation.
//!
//! Only writing is needed here, which does not take a library.

use std::fmt;

/// A JSON value. The keys of an object keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonValue {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    List(Vec<JsonValue>),
    Object(Vec<(&'static str, JsonValue)>),
}

/// Writes an object: `object! { "key": value, … }`.
macro_rules! object {
    () => {
        $crate::json::JsonValue::Object(Vec::new())
    };
    ($($key:literal: $value:expr),+ $(,)?) => {
        $crate::json::JsonValue::Object({
            let mut entries = Vec::new();
            $($crate::json::add(&mut entries, $key, $crate::json::JsonValue::from($value));)+
            entries
        })
    };
}
pub(crate) use object;

/// Adds an entry to an object. It is not inlined, since descriptions have many entries and are written once.
#[inline(never)]
pub(crate) fn add(
    entries: &mut Vec<(&'static str, JsonValue)>,
    key: &'static str,
    value: JsonValue,
) {
    entries.push((key, value));
}

impl From<bool> for JsonValue {
    fn from(value: bool) -> Self {
        JsonValue::Bool(value)
    }
}

impl From<&str> for JsonValue {
    fn from(text: &str) -> Self {
        JsonValue::Text(text.to_owned())
    }
}

impl From<String> for JsonValue {
    fn from(text: String) -> Self {
        JsonValue::Text(text)
    }
}

impl From<u32> for JsonValue {
    fn from(number: u32) -> Self {
        JsonValue::Number(number.to_string())
    }
}

impl From<u64> for JsonValue {
    fn from(number: u64) -> Self {
        JsonValue::Number(number.to_string())
    }
}

impl From<usize> for JsonValue {
    fn from(number: usize) -> Self {
        JsonValue::Number(number.to_string())
    }
}

impl<T: Into<JsonValue>> From<Option<T>> for JsonValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(JsonValue::Null, Into::into)
    }
}

impl<T: Into<JsonValue>> FromIterator<T> for JsonValue {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        JsonValue::List(values.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for JsonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl JsonValue {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            JsonValue::Null => f.write_str("null"),
            JsonValue::Bool(value) => write!(f, "{value}"),
            JsonValue::Number(digits) => f.write_str(digits),
            JsonValue::Text(text) => quoted(f, text),
            JsonValue::List(values) if values.is_empty() => f.write_str("[]"),
            JsonValue::Object(entries) if entries.is_empty() => f.write_str("{}"),
            JsonValue::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    line(f, index, depth + 1)?;
                    value.write(f, depth + 1)?;
                }
                write!(f, "\n{:width$}]", "", width = 2 * depth)
            }
            JsonValue::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    line(f, index, depth + 1)?;
                    quoted(f, key)?;
                    f.write_str(": ")?;
                    value.write(f, depth + 1)?;
                }
                write!(f, "\n{:width$}}}", "", width = 2 * depth)
            }
        }
    }
}

/// Begins the line of an entry.
fn line(f: &mut fmt::Formatter<'_>, index: usize, depth: usize) -> fmt::Result {
    let comma = if index == 0 { "" } else { "," };
    write!(f, "{comma}\n{:width$}", "", width = 2 * depth)
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            // RFC 8259, section 7: these must be escaped.
            '\0'..='\x1f' => write!(f, "\\u{:04x}", letter as u32)?,
            letter => write!(f, "{letter}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back_as_it_was() {
        for text in ["", "a\"b\\c", "\n\r\t\0\x1f\x7f", "é\u{2028}🦀"] {
            let json = JsonValue::from(text).to_string();
            assert_eq!(
                serde_json::from_str::<String>(&json).unwrap(),
                text,
                "{json}"
            );
        }
    }

    #[test]
    fn lists_and_objects_are_indented_as_usual() {
        let json = object! {
            "a": [JsonValue::Null, object! {}, [1_u32].into_iter().collect()].into_iter().collect::<JsonValue>(),
            "b": Some(true),
            "c": JsonValue::List(Vec::new()),
        };
        let text = json.to_string();
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, format!("{parsed:#}"));
    }
}
