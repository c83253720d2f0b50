//! The rules: a number, a score, the part of a request that is looked at, and a pattern.

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;
use spoa::http::Headers;
use std::borrow::Cow;
use std::path::Path;

/// The parts that rules may name. Headers are `header:NAME`, or `headers` for all of them.
const PARTS: [&str; 7] = [
    "method", "path", "args", "body", "status", "response", "headers",
];

/// A part of a request or a response, with the name that rules have for it.
pub struct Part<'a>(&'static str, Cow<'a, [u8]>);

impl<'a> Part<'a> {
    pub fn new(name: &'static str, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Part(name, bytes.into())
    }
}

/// A line of the file.
#[derive(Debug)]
pub struct Rule {
    pub id: u32,
    pub score: u32,
    part: String,
    pattern: Regex,
}

/// The rules of a file.
#[derive(Debug)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let rules = text.and_then(|text| Rules::parse(&text));
        rules.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let rules = lines.map(|(number, line)| {
            parse(line).map_err(|problem| format!("line {number}: {problem}"))
        });
        rules.collect::<Result<_, _>>().map(Rules)
    }

    /// Returns the rules that find their pattern.
    pub fn hits(&self, parts: &[Part<'_>], headers: Headers<'_>) -> Vec<&Rule> {
        let hits = |rule: &&Rule| match rule.part.strip_prefix("header") {
            Some("s") => headers
                .iter()
                .any(|(_, value)| rule.pattern.is_match(value)),
            Some(name) => headers
                .get_all(name.trim_start_matches(':'))
                .any(|value| rule.pattern.is_match(value)),
            None => parts
                .iter()
                .any(|part| part.0 == rule.part && rule.pattern.is_match(&part.1)),
        };
        self.0.iter().filter(hits).collect()
    }
}

fn parse(line: &str) -> Result<Rule, String> {
    let mut words = line.splitn(4, char::is_whitespace).map(str::trim);
    let mut word = || words.next().filter(|word| !word.is_empty());
    let (Some(id), Some(score), Some(part), Some(pattern)) = (word(), word(), word(), word())
    else {
        return Err("expected `ID SCORE PART PATTERN`".to_owned());
    };
    let number = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{text}` is not a number"))
    };
    if !PARTS.contains(&part) && !part.starts_with("header:") {
        return Err(format!("there is no part `{part}`"));
    }
    // A client may send line ends, and bytes that are not UTF-8: `.` and `[^a]` have to take them.
    let pattern = RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(true)
        .build();
    Ok(Rule {
        id: number(id)?,
        score: number(score)?,
        part: part.to_owned(),
        pattern: pattern.map_err(|error| error.to_string())?,
    })
}

/// Adds the names and texts of JSON as `args`.
pub fn strings<'a>(json: &Value, parts: &mut Vec<Part<'a>>) {
    match json {
        Value::String(text) => parts.push(Part::new("args", text.clone().into_bytes())),
        Value::Array(values) => values.iter().for_each(|value| strings(value, parts)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            parts.push(Part::new("args", name.clone().into_bytes()));
            strings(value, parts);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_look_at_their_parts() {
        let rules = Rules::parse(
            "# none\n1 5 args <script\n2 3 header:user-agent ^sqlmap\n3 1 headers evil\n",
        );
        let rules = rules.unwrap();
        let block = b"user-agent: sqlmap/1\r\nx: EVIL\r\n\r\n";
        let headers = Headers::from_text(block).unwrap();
        let ids = |parts: &[Part<'_>], headers| -> Vec<u32> {
            rules
                .hits(parts, headers)
                .iter()
                .map(|rule| rule.id)
                .collect()
        };
        assert_eq!(
            ids(&[Part::new("args", &b"a<SCRIPT>"[..])], headers),
            [1, 2, 3]
        );
        assert_eq!(
            ids(&[Part::new("path", &b"<script"[..])], Headers::default()),
            [0_u32; 0]
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_hide_nothing() {
        let rules = Rules::parse("1 5 body union.+select[^a]x").unwrap();
        let parts = [Part::new("body", &b"UNION \xff\n SELECT\xffx"[..])];
        assert_eq!(rules.hits(&parts, Headers::default()).len(), 1);
    }

    #[test]
    fn names_and_texts_of_json_are_arguments() {
        let json = serde_json::json!({"a": ["b", {"c": "d"}], "n": 1});
        let mut parts = Vec::new();
        strings(&json, &mut parts);
        let texts: Vec<_> = parts
            .iter()
            .map(|part| String::from_utf8_lossy(&part.1))
            .collect();
        assert_eq!(texts, ["a", "b", "c", "d", "n"]);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (line, problem) in [
            ("1 5 args", "line 1: expected `ID SCORE PART PATTERN`"),
            ("x 5 args a", "line 1: `x` is not a number"),
            ("1 5 arg a", "line 1: there is no part `arg`"),
        ] {
            assert_eq!(Rules::parse(line).unwrap_err(), problem);
        }
        assert!(
            Rules::parse("1 5 args (")
                .unwrap_err()
                .contains("unclosed group")
        );
    }
}
