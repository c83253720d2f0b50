//! The rules: a number, a score, the part of a request that is looked at, and a pattern.

use regex::bytes::Regex;
use serde_bytes::ByteBuf;
use spoa::http::Headers;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The parts that rules may name, besides `headers` and `header:NAME`.
const PARTS: [&str; 6] = ["method", "path", "args", "body", "status", "response"];

/// The parts of a request or a response without the headers: their names and values.
pub type Parts<'a> = HashMap<&'static str, Vec<Cow<'a, [u8]>>>;

/// A line of the file.
pub struct Rule {
    pub id: u32,
    pub score: u32,
    part: String,
    pattern: Regex,
}

impl Rule {
    /// Reads a line.
    pub fn parse(line: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let words: Vec<_> = line.splitn(4, char::is_whitespace).collect();
        let [id, score, part, pattern] = words[..] else {
            return Err("expected `ID SCORE PART PATTERN`".into());
        };
        if !PARTS.contains(&part) && part != "headers" && !part.starts_with("header:") {
            return Err(format!("unknown part `{part}`").into());
        }
        Ok(Rule {
            id: id.parse().or(Err(format!("not a number: `{id}`")))?,
            score: score.parse().or(Err(format!("not a number: `{score}`")))?,
            part: part.to_owned(),
            // A client may send line ends, and bytes that are not UTF-8: `.` and `[^a]` have to take them.
            pattern: Regex::new(&format!("(?is-u){}", pattern.trim_start()))?,
        })
    }

    /// Returns whether a value of the part has the pattern.
    pub fn finds(&self, parts: &Parts<'_>, headers: Headers<'_>) -> bool {
        let found = |value: &[u8]| self.pattern.is_match(value);
        let mut values = parts.get(&*self.part).into_iter().flatten();
        match self.part.strip_prefix("header:") {
            Some(name) => headers.get_all(name).any(found),
            None if self.part == "headers" => headers.iter().any(|(_, value)| found(value)),
            None => values.any(|value| found(value)),
        }
    }
}

/// A quote, and all up to the next quote or the end. An escape that is cut off is left out.
const QUOTED: &str = r#"(?s-u)"(?:[^"\\]|\\[^u]|\\u[^"]{4})*"#;

/// Returns the names and texts of JSON, and what is between them. The JSON may be cut off or have mistakes: a quote in a
/// comment must hide nothing. A text that cannot be decoded is returned as it is.
pub fn json_texts(json: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    static TEXTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(QUOTED).expect("a pattern"));
    TEXTS.find_iter(json).map(|found| {
        let text = [found.as_bytes(), b"\""].concat();
        serde_json::from_slice(&text).map_or(text, ByteBuf::into_vec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::run::parse_lines;

    fn rules(text: &str) -> Result<Vec<Rule>, String> {
        parse_lines(text, Rule::parse)
    }

    fn part(name: &'static str, value: &'static [u8]) -> Parts<'static> {
        Parts::from([(name, vec![value.into()])])
    }

    #[test]
    fn rules_look_at_their_parts() {
        let text = "# none\n1 5 args <script\n2 3 header:user-agent ^sqlmap\n3 1 headers evil\n";
        let rules = rules(text).unwrap();
        let block = b"user-agent: sqlmap/1\r\nx: EVIL\r\n\r\n";
        let headers = Headers::from_text(block).unwrap();
        let ids = |parts: Parts<'_>, headers| -> Vec<u32> {
            let hits = rules.iter().filter(|rule| rule.finds(&parts, headers));
            hits.map(|rule| rule.id).collect()
        };
        assert_eq!(ids(part("args", b"a<SCRIPT>"), headers), [1, 2, 3]);
        let none = ids(part("path", b"<script"), Headers::default());
        assert_eq!(none, [0_u32; 0]);
    }

    #[test]
    fn bytes_that_are_not_utf8_hide_nothing() {
        let rules = rules("1 5 body union.+select[^a]x").unwrap();
        let parts = part("body", b"UNION \xff\n SELECT\xffx");
        assert!(rules[0].finds(&parts, Headers::default()));
    }

    fn texts(json: &[u8]) -> Vec<String> {
        let texts = json_texts(json).map(|text| String::from_utf8_lossy(&text).into_owned());
        texts.collect()
    }

    #[test]
    fn names_and_texts_of_json_are_arguments() {
        let texts = texts(br#"{"a": ["b", {"c": "\u003cd\""}], "n": 1, "": true}"#);
        for text in ["a", "b", "c", "<d\"", "n", ""] {
            assert!(texts.iter().any(|it| it == text), "{text}: {texts:?}");
        }
    }

    #[test]
    fn a_server_may_use_the_first_of_two_fields_with_one_name() {
        let texts = texts(br#"{"a":"b","a":"c"}"#);
        for text in ["b", "c"] {
            assert!(texts.iter().any(|it| it == text), "{text}: {texts:?}");
        }
    }

    #[test]
    fn a_mistake_or_a_cut_in_json_hides_no_other_text() {
        for json in [
            &b"{\"\\u003ca\": 1, }"[..],
            b"[\"\\u003ca\xff\"]",
            b"[\"\\u003ca\n\"]",
            b"[\"\\u003ca\\ud800\"]",
            b"[\"\\x3c\", \"\\u003ca\"]",
            b"/*\"*/{\"q\":\"\\u003ca\"}",
            b"[\"x\\u12\",\"\\u003ca\"]",
        ] {
            let texts = texts(json);
            let found = texts.iter().any(|text| text.starts_with("<a"));
            assert!(found, "{texts:?}");
        }
        // It is the server that decides about an escape that JSON does not have.
        let lenient = texts(br#"["<a\q"]"#);
        assert!(lenient[0].starts_with("\"<a"), "{lenient:?}");
        // HAProxy's buffer may end anywhere.
        let (begin, rest) = (br#"{"n":"\u003ca"#, br#"\u003e\"b\\"}"#);
        for end in 0..rest.len() {
            let texts = texts(&[begin, &rest[..end]].concat());
            let found = texts.iter().any(|text| text.starts_with("<a"));
            assert!(found, "{texts:?}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (line, problem) in [
            ("1 5 args", "line 1: expected `ID SCORE PART PATTERN`"),
            ("x 5 args a", "line 1: not a number: `x`"),
            ("1 -5 args a", "line 1: not a number: `-5`"),
            ("1 5 arg a", "line 1: unknown part `arg`"),
        ] {
            assert_eq!(rules(line).err().as_deref(), Some(problem));
        }
        let error = rules("1 5 args (").err().unwrap();
        assert!(error.contains("unclosed group"), "{error}");
    }
}
