//! The rules: a number, a score, the part of a request that is looked at, and a pattern.

use regex::bytes::Regex;
use serde_bytes::ByteBuf;
use spoa::http::Headers;
use spoa::run::read_lines;
use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

/// The parts that rules may name. The value of one header is `header:NAME`.
const PARTS: [&str; 7] = [
    "method", "path", "args", "body", "status", "response", "headers",
];

/// A part of a request or a response: its name in rules, and its bytes.
pub type Part<'a> = (&'static str, Cow<'a, [u8]>);

/// A line of the file.
#[derive(Debug)]
pub struct Rule {
    pub id: u32,
    pub score: u32,
    part: String,
    pattern: Regex,
}

/// The rules of a file.
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, String> {
        read_lines(path, rule).map(Rules)
    }

    /// Returns the rules that find their pattern.
    pub fn hits(&self, parts: &[Part<'_>], headers: Headers<'_>) -> Vec<&Rule> {
        let hits = |rule: &&Rule| {
            let found = |value: &[u8]| rule.pattern.is_match(value);
            match rule.part.strip_prefix("header:") {
                Some(name) => headers.get_all(name).any(found),
                None if rule.part == "headers" => headers.iter().any(|(_, value)| found(value)),
                None => parts
                    .iter()
                    .any(|(name, value)| *name == rule.part && found(value)),
            }
        };
        self.0.iter().filter(hits).collect()
    }
}

/// Reads a line.
fn rule(line: &str) -> Result<Rule, String> {
    let mut words = line.splitn(4, char::is_whitespace).map(str::trim);
    let mut word = || words.next().filter(|word| !word.is_empty());
    let (Some(id), Some(score), Some(part), Some(pattern)) = (word(), word(), word(), word())
    else {
        return Err("expected `ID SCORE PART PATTERN`".to_owned());
    };
    if !PARTS.contains(&part) && !part.starts_with("header:") {
        return Err(format!("unknown part `{part}`"));
    }
    let number = |text: &str| {
        text.parse()
            .map_err(|_| format!("`{text}` is not a number"))
    };
    // A client may send line ends, and bytes that are not UTF-8: `.` and `[^a]` have to take them.
    let pattern = Regex::new(&format!("(?is-u){pattern}"));
    Ok(Rule {
        id: number(id)?,
        score: number(score)?,
        part: part.to_owned(),
        pattern: pattern.map_err(|error| error.to_string())?,
    })
}

/// Returns the names and texts of JSON, which are in quotes. The last one may be cut off.
pub fn json_texts(json: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?s-u)"((?:[^"\\]|\\[^u]|\\u.{4})*)"?"#).expect("a pattern")
    });
    QUOTED.captures_iter(json).filter_map(|found| {
        let quoted = [b"\"", &found[1], b"\""].concat();
        let text: ByteBuf = serde_json::from_slice(&quoted).ok()?;
        Some(text.into_vec().into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::run::parse_lines;

    fn rules(text: &str) -> Result<Rules, String> {
        parse_lines(text, rule).map(Rules)
    }

    fn part(name: &'static str, value: &'static [u8]) -> [Part<'static>; 1] {
        [(name, value.into())]
    }

    #[test]
    fn rules_look_at_their_parts() {
        let text = "# none\n1 5 args <script\n2 3 header:user-agent ^sqlmap\n3 1 headers evil\n";
        let rules = rules(text).unwrap();
        let block = b"user-agent: sqlmap/1\r\nx: EVIL\r\n\r\n";
        let headers = Headers::from_text(block).unwrap();
        let ids = |parts: [Part<'_>; 1], headers| -> Vec<u32> {
            let hits = rules.hits(&parts, headers);
            hits.iter().map(|rule| rule.id).collect()
        };
        assert_eq!(ids(part("args", b"a<SCRIPT>"), headers), [1, 2, 3]);
        let none = ids(part("path", b"<script"), Headers::default());
        assert_eq!(none, [0_u32; 0]);
    }

    #[test]
    fn bytes_that_are_not_utf8_hide_nothing() {
        let rules = rules("1 5 body union.+select[^a]x").unwrap();
        let parts = part("body", b"UNION \xff\n SELECT\xffx");
        assert_eq!(rules.hits(&parts, Headers::default()).len(), 1);
    }

    fn texts(json: &[u8]) -> Vec<String> {
        let texts = json_texts(json).map(|text| String::from_utf8_lossy(&text).into_owned());
        texts.collect()
    }

    #[test]
    fn names_and_texts_of_json_are_arguments() {
        let json = br#"{"a": ["b", {"c": "\u003cd\""}], "n": 1, "": true}"#;
        assert_eq!(texts(json), ["a", "b", "c", "<d\"", "n", ""]);
        // A server may use the first of two fields with one name.
        assert_eq!(texts(br#"{"a":"b","a":"c"}"#), ["a", "b", "a", "c"]);
    }

    #[test]
    fn a_mistake_or_a_cut_in_json_hides_no_other_text() {
        for json in [
            &b"{\"\\u003ca\": 1, }"[..],
            b"[\"\\u003ca\xff\"]",
            b"[\"\\u003ca\n\"]",
            b"[\"\\u003ca\\ud800\"]",
            b"[\"\\x3c\", \"\\u003ca\"]",
        ] {
            let texts = texts(json);
            let found = texts.iter().any(|text| text.starts_with("<a"));
            assert!(found, "{texts:?}");
        }
        // HAProxy's buffer may end anywhere.
        let (begin, rest) = (br#"{"n":"\u003ca"#, br#"\u003e\"b\\"}"#);
        for end in 0..rest.len() {
            let texts = texts(&[begin, &rest[..end]].concat());
            assert!(texts[1].starts_with("<a"), "{texts:?}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (line, problem) in [
            ("1 5 args", "line 1: expected `ID SCORE PART PATTERN`"),
            ("x 5 args a", "line 1: `x` is not a number"),
            ("1 5 arg a", "line 1: unknown part `arg`"),
        ] {
            assert_eq!(rules(line).err().as_deref(), Some(problem));
        }
        let error = rules("1 5 args (").err().unwrap();
        assert!(error.contains("unclosed group"), "{error}");
    }
}
