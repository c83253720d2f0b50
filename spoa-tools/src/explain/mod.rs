//! `explain`: what an error value, a finding of `doctor` or a line of a log means, and what to do.
//!
//! It is a reference, and needs neither an agent nor a HAProxy.

mod codes;
mod lines;

use crate::CommandOutput;
use crate::command::{Command, CommandInput, Operands};
use crate::terminal::{Paint, wrap};
use codes::{Explanation, STATUSES, of_status, of_value};
use lines::LogLine;
use spoa_config::doctor::Code;
use std::io::stdout;

/// HAProxy adds this to a status code when it reports it to a stream.
const STATUS_BASE: u32 = 256;

/// The words to explain.
///
/// ```
/// use spoa_tools::command::CommandInput;
/// use spoa_tools::explain::Explain;
///
/// let line = "handler `check` failed: timed out: not done within 20ms";
/// let outcome = Explain::read(&CommandInput::default().operand(line)).perform()?;
/// assert!(outcome.text.contains("--handler-timeout"), "{}", outcome.text);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explain {
    words: Vec<String>,
}

/// A thing that can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// A value of `set-on-error`, or a status code.
    Number(u32),
    /// A finding of `doctor`.
    Finding(Code),
    /// A line of an agent's log.
    Line(&'static LogLine),
}

impl Explain {
    /// The command as plain data.
    pub const COMMAND: Command = Command {
        name: "explain",
        summary: "Explain an error value, a finding or a line of a log",
        options: &[],
        operands: Some(Operands {
            name: "WORD",
            help: "257, SPOA010 or a line of a log; all numbers if left out",
            required: false,
            unless: "",
        }),
        notes: "Examples: explain 257, explain SPOA010, explain 'handler `check` failed: timed out: not done within 20ms'",
    };

    /// Reads what the command line gives.
    #[must_use]
    pub fn read(given: &CommandInput) -> Self {
        Explain {
            words: given.words(),
        }
    }

    /// Explains each word if all are codes, else the line that they are.
    ///
    /// # Errors
    /// A line for the user: nothing is known about the words.
    pub fn perform(&self) -> Result<CommandOutput, String> {
        let paint = Paint::of(&stdout());
        let text = match self.words.as_slice() {
            [] => all(paint),
            words => {
                let topics = topics(words)?;
                let texts: Vec<_> = topics.iter().map(|topic| topic.text(paint)).collect();
                texts.join("\n")
            }
        };
        Ok(CommandOutput {
            text,
            ..CommandOutput::default()
        })
    }
}

impl Topic {
    fn text(self, paint: Paint) -> String {
        match self {
            Topic::Number(code) => one(code, paint),
            Topic::Finding(code) => {
                let title = paint.bold(&format!("{code}: {}", code.summary()));
                format!("{title}\n\n{}", code.explanation())
            }
            Topic::Line(line) => {
                let level = format!("  line of an agent's log, {}", line.level);
                let label = paint.dim("  what to do:");
                let title = paint.bold(line.patterns.first().unwrap_or(&""));
                let remedy = wrap("    - ", line.remedy);
                format!("{title}\n{level}\n{label}\n{remedy}")
            }
        }
    }
}

/// Returns what words are about.
fn topics(words: &[String]) -> Result<Vec<Topic>, String> {
    let codes: Option<Vec<_>> = words.iter().map(|word| code(word)).collect();
    if let Some(codes) = codes {
        return Ok(codes);
    }
    let line = words.join(" ");
    let topics = topics_of_line(&line);
    if topics.is_empty() {
        return Err(format!(
            "nothing is known about `{line}`: write a number such as `257`, a code of `doctor` such as `SPOA010`, \
             a line of a log in quotes, or nothing for all numbers"
        ));
    }
    Ok(topics)
}

/// Reads `257`, `st=257` as in HAProxy's log, or `SPOA010`.
fn code(text: &str) -> Option<Topic> {
    let digits = text.strip_prefix("st=").unwrap_or(text);
    let number = digits.parse().ok().map(Topic::Number);
    number.or_else(|| text.parse().ok().map(Topic::Finding))
}

/// Finds what a line of HAProxy's log, of an agent's log or of `doctor` is about.
fn topics_of_line(line: &str) -> Vec<Topic> {
    let mut topics = Vec::new();
    let mut before = "";
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let finding = bare.split(['[', ']']).find_map(|part| part.parse().ok());
        // `st=257` of HAProxy, and `explain 257` of a line that advises this command.
        let number = match before {
            "explain" => bare.parse().ok(),
            _ => bare
                .strip_prefix("st=")
                .and_then(|digits| digits.parse().ok()),
        };
        let found = number.map(Topic::Number).or(finding.map(Topic::Finding));
        topics.extend(found.filter(|topic| !topics.contains(topic)));
        before = bare;
    }
    topics.extend(lines::find(line).map(Topic::Line));
    topics
}

/// Returns the words of SPOE.txt for a status code.
fn status_words(status: u32) -> String {
    let listed = STATUSES.iter().find(|(known, _)| *known == status);
    listed.map_or_else(
        || format!("unknown status {status}"),
        |(_, words)| (*words).to_owned(),
    )
}

/// Returns all that a number can mean.
fn one(code: u32, paint: Paint) -> String {
    let mut texts = Vec::new();
    match code.checked_sub(STATUS_BASE) {
        Some(status) => texts.push(reported(status, paint)),
        None => {
            texts.push(value(code, paint));
            // Both are small numbers, and a user seldom knows which of them it is.
            if STATUSES.iter().any(|(known, _)| *known == code) {
                texts.push(said(code, paint));
            }
        }
    }
    texts.join("\n")
}

fn all(paint: Paint) -> String {
    let intro = "HAProxy sets the variable of `option set-on-error` (`txn.PREFIX.NAME`) when a \
                 message gets no good answer, and logs the same number as `st=`. After an error the \
                 engine is off for the rest of the transaction, unless `option continue-on-error` \
                 is set. Up to 255 it is HAProxy's own reason; from 256 on it is 256 and the status \
                 code of SPOP.";
    let mut texts = vec![wrap("", intro)];
    texts.extend(codes::VALUES.iter().map(|(code, _)| value(*code, paint)));
    texts.extend(
        STATUSES
            .iter()
            .map(|(status, _)| format!("{}{}", reported(*status, paint), wire(*status, paint))),
    );
    texts.join("\n")
}

/// A value of HAProxy's own.
fn value(code: u32, paint: Paint) -> String {
    let title = |meaning: &str| paint.bold(&format!("{code}: {meaning}"));
    match of_value(code) {
        Some(explanation) => format!(
            "{}\n  value of `set-on-error`\n{}",
            title(explanation.meaning),
            body(explanation, paint)
        ),
        None => format!(
            "{}\n{}",
            title("not a value of `set-on-error`"),
            wrap(
                "  ",
                "HAProxy has 1 to 5 and 255 of its own, and 256 and more for the status codes of \
                 SPOP. `explain` lists them."
            )
        ),
    }
}

/// A status code as a stream gets it.
fn reported(status: u32, paint: Paint) -> String {
    let explanation = of_status(status).0;
    let title = format!(
        "{}: {}",
        STATUS_BASE.saturating_add(status),
        explanation.meaning
    );
    format!(
        "{}\n{}{}",
        paint.bold(&title),
        wrap(
            "  ",
            &format!(
                "value of `set-on-error`: 256 and status {status} (`{}`)",
                status_words(status)
            )
        ),
        body(explanation, paint)
    )
}

/// A status code as a frame has it.
fn said(status: u32, paint: Paint) -> String {
    let title = format!("{status}: {}", status_words(status));
    format!(
        "{}\n  status of a DISCONNECT\n{}{}",
        paint.bold(&title),
        wire(status, paint),
        wrap(
            "  ",
            &format!(
                "For what streams see of it: `explain {}`.",
                STATUS_BASE.saturating_add(status)
            )
        )
    )
}

fn wire(status: u32, paint: Paint) -> String {
    let label = paint.dim("  on the wire:");
    format!("{label}\n{}", wrap("    ", of_status(status).1))
}

fn body(explanation: &Explanation, paint: Paint) -> String {
    let list = |label: &str, items: &[&str]| match items {
        [] => String::new(),
        items => {
            let items: String = items.iter().map(|item| wrap("    - ", item)).collect();
            format!("{}\n{items}", paint.dim(label))
        }
    };
    let causes = list("  what causes it:", explanation.causes);
    let remedies = list("  what to do:", explanation.remedies);
    format!("{causes}{remedies}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(code: u32) -> String {
        one(code, Paint::PLAIN)
    }

    #[test]
    fn a_small_number_is_explained_with_both_meanings() {
        let text = explain(3);
        assert!(text.starts_with("3: the messages do not fit in a frame\n  value of"));
        assert!(text.contains("\n3: frame is too big\n  status of a DISCONNECT\n"));
        assert!(text.contains("`explain 259`"));
    }

    #[test]
    fn a_number_from_256_on_is_explained_as_a_status() {
        let text = explain(257);
        assert!(text.starts_with("257: the connection failed"));
        assert!(text.contains("256 and status 1 (`I/O error`)\n"));
        assert!(text.contains("spop probe"));
        assert!(!text.contains("DISCONNECT\n"));
        assert!(explain(300).contains("256 and status 44 (`unknown status 44`)"));
        assert!(explain(u32::MAX).contains("a code of its own"));
    }

    #[test]
    fn an_unknown_value_says_which_there_are() {
        assert!(explain(77).starts_with("77: not a value of `set-on-error`\n  HAProxy has 1 to 5"));
    }

    #[test]
    fn everything_is_explained_with_causes_and_remedies() {
        let text = all(Paint::PLAIN);
        for (status, _) in STATUSES {
            let title = format!("\n{}: ", STATUS_BASE + status);
            assert!(text.contains(&title), "{title}");
        }
        for explanation in STATUSES
            .iter()
            .map(|(status, _)| of_status(*status).0)
            .chain(codes::VALUES.iter().map(|(_, explanation)| explanation))
        {
            assert!(!explanation.meaning.is_empty());
            assert!(!explanation.causes.is_empty(), "{}", explanation.meaning);
            assert!(!explanation.remedies.is_empty(), "{}", explanation.meaning);
        }
    }

    fn of(words: &[&str]) -> Result<String, String> {
        let given = words
            .iter()
            .fold(CommandInput::default(), CommandInput::operand);
        Explain::read(&given).perform().map(|outcome| outcome.text)
    }

    #[test]
    fn codes_and_findings_are_read_as_logs_write_them() {
        assert_eq!(code("257"), Some(Topic::Number(257)));
        assert_eq!(code("st=1"), Some(Topic::Number(1)));
        let text = of(&["SPOA020", "257"]).unwrap();
        assert!(text.starts_with("SPOA020: no rule sends a group\n\n"));
        assert!(text.contains("\n257: the connection failed"), "{text}");
    }

    #[test]
    fn a_line_of_haproxys_log_is_explained_by_its_status() {
        let line =
            "SPOE: [iprep] <EVENT:on-frontend-http-request> sid=3 st=257 0/0/1/1/1 1/1 0/0 0/1";
        // In quotes, and word by word.
        let words: Vec<_> = line.split(' ').collect();
        for words in [&[line][..], &words] {
            let text = of(words).unwrap();
            assert!(text.starts_with("257: the connection failed"), "{text}");
        }
    }

    #[test]
    fn a_line_of_doctor_is_explained_by_its_code() {
        let text = of(&["error[SPOA002]: this filter names no SPOE file"]).unwrap();
        assert!(
            text.starts_with("SPOA002: a filter names no SPOE file"),
            "{text}"
        );
    }

    #[test]
    fn a_line_of_an_agent_is_explained_by_its_text() {
        for (line, remedy) in [
            (
                "2026-01-01T00:00:00Z  WARN spoa::failures: handler `check` failed: timed out: not done within 20ms; make it faster peer=127.0.0.1:1 stream=3 frame=1",
                "`--handler-timeout`",
            ),
            (
                "handler `check` failed: timed out: not done within the 5s that the agent waits when it stops",
                "`--drain-timeout`",
            ),
            ("handler `check` failed: no database", "after `failed:`"),
            (
                "connection closed: 1000 are open, which is the limit",
                "`--max-connections`",
            ),
        ] {
            let text = of(&[line]).unwrap();
            assert!(text.contains(remedy), "{line}: {text}");
        }
        let text = of(&[
            "HAProxy ended the connection: I/O error; `spop explain 1` says what causes that",
        ]);
        assert!(text.unwrap().starts_with("1: no answer"));
    }

    #[test]
    fn an_unknown_word_says_what_to_type() {
        assert_eq!(
            of(&["oops"]).unwrap_err(),
            "nothing is known about `oops`: write a number such as `257`, a code of `doctor` such as `SPOA010`, a line of a log in quotes, or nothing for all numbers"
        );
    }
}
