//! The rules that make a request suspicious, one on each line of a text file.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// The score from which on a request is blocked.
pub(crate) const BLOCKING: u32 = 100;

/// A set of rules.
#[derive(Debug)]
pub(crate) struct Rules(Vec<Rule>);

/// A score that counts if a part of the request contains a text.
#[derive(Debug)]
struct Rule {
    score: u32,
    part: Part,
    text: String,
}

/// A part of a request that rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Path,
    Query,
    UserAgent,
    Body,
}

/// The judgement of the rules on a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) score: u32,
    /// The text of the rule with the highest score. Headers and logs get this text, and never bytes that a client
    /// sent.
    pub(crate) reason: Option<String>,
}

impl Rules {
    /// Reads the rules in a file, or those that come with the program. An error names the file.
    pub(crate) fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let Some(path) = path else {
            return include_str!("rules.txt").parse().map_err(io::Error::other);
        };
        let about =
            |problem: &dyn fmt::Display| io::Error::other(format!("{}: {problem}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| about(&error))?;
        text.parse().map_err(|error: RuleError| about(&error))
    }

    /// Applies all rules. `part` returns a part of the request, decoded if that part has an encoding.
    pub(crate) fn judge<'r>(&self, part: impl Fn(Part) -> &'r [u8]) -> Finding {
        let mut finding = Finding::default();
        let mut most = 0;
        for rule in self
            .0
            .iter()
            .filter(|rule| holds(part(rule.part), &rule.text))
        {
            finding.score = finding.score.saturating_add(rule.score);
            if rule.score > most {
                most = rule.score;
                finding.reason = Some(format!("`{}` in the {}", rule.text, rule.part));
            }
        }
        finding
    }
}

fn holds(part: &[u8], text: &str) -> bool {
    part.windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Decodes the percent-encoding of URLs, and leaves invalid escapes as they are. With `plus`, for queries and forms,
/// `+` becomes a blank.
pub(crate) fn decode(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
    if !text
        .iter()
        .any(|byte| *byte == b'%' || (plus && *byte == b'+'))
    {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (byte, after) {
            (b'+', _) if plus => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16)?.try_into().ok()
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Path => "path",
            Part::Query => "query",
            Part::UserAgent => "user-agent",
            Part::Body => "body",
        })
    }
}

impl FromStr for Rules {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let lines = text.lines().map(str::trim).zip(1..);
        let rules = lines.filter(|(text, _)| !text.is_empty() && !text.starts_with('#'));
        rules
            .map(|(text, line)| rule(text).map_err(|problem| RuleError { line, problem }))
            .collect::<Result<_, _>>()
            .map(Rules)
    }
}

fn rule(line: &str) -> Result<Rule, &'static str> {
    let parts = first_word(line).and_then(|(score, rest)| Some((score, first_word(rest)?)));
    let (score, (part, text)) = parts.ok_or("write `score part text`, as in `100 path /.env`")?;
    Ok(Rule {
        score: score
            .parse()
            .map_err(|_| "a rule begins with its score, a number")?,
        part: match part {
            "path" => Part::Path,
            "query" => Part::Query,
            "user-agent" => Part::UserAgent,
            "body" => Part::Body,
            _ => return Err("the part is `path`, `query`, `user-agent` or `body`"),
        },
        text: text.to_owned(),
    })
}

fn first_word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    Some((word, rest.trim_start()))
}

/// A line that is not a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RuleError {
    line: usize,
    problem: &'static str,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(part: Part, text: &[u8]) -> Finding {
        let rules = Rules::open(None).unwrap();
        rules.judge(|asked| if asked == part { text } else { b"" })
    }

    #[test]
    fn scores_add_up_and_the_rule_with_the_highest_score_is_the_reason() {
        let found = score(Part::Query, b"id=1' OR '1'='1 Union Select");
        assert_eq!(found.score, 100);
        assert_eq!(found.reason.as_deref(), Some("`union select` in the query"));
        assert_eq!(score(Part::Body, b"a=1"), Finding::default());
    }

    #[test]
    fn bytes_that_are_not_text_are_searched_as_well() {
        assert_eq!(score(Part::UserAgent, b"\xff\xfe SQLmap/1.8").score, 100);
    }

    #[test]
    fn only_valid_percent_encodings_are_decoded() {
        for (text, plus, decoded) in [
            ("/%2Eenv", false, "/.env"),
            ("/a+b", false, "/a+b"),
            ("a=1+union%20select", true, "a=1 union select"),
            ("100%", true, "100%"),
            ("%zz%4", true, "%zz%4"),
            ("%252e", false, "%2e"),
        ] {
            assert_eq!(decode(text.as_bytes(), plus), decoded.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_not_a_rule_is_named() {
        for (text, error) in [
            (
                "# fine\n\n100 path",
                "line 3: write `score part text`, as in `100 path /.env`",
            ),
            (
                "much path /",
                "line 1: a rule begins with its score, a number",
            ),
            (
                "1 host x",
                "line 1: the part is `path`, `query`, `user-agent` or `body`",
            ),
        ] {
            assert_eq!(text.parse::<Rules>().unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = Rules::open(Some("no/such.txt".into())).unwrap_err();
        assert!(error.to_string().starts_with("no/such.txt: "), "{error}");
    }
}
