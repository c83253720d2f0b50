//! `spop explain`: what HAProxy's error values and SPOP's status codes mean, and what to do.
//!
//! It is a reference, and needs no connection.

mod table;

use crate::failure::Failure;
use crate::output::print;
use clap::{Arg, ArgMatches, Command};
use spoa::spop::Status;
use spoa_tools::terminal::{Paint, wrap};
use std::io::stdout;
use std::process::ExitCode;
use table::{Explanation, of_status, of_value};

/// HAProxy adds this to a status code when it reports it to a stream.
const STATUS_BASE: u32 = 256;

pub(crate) fn command() -> Command {
    Command::new("explain")
        .about("Explain an error value of HAProxy or a status code of SPOP")
        .arg(Arg::new("CODE").num_args(0..).help(
            "Value of the variable of `option set-on-error`, `st=` of a log line, or status code of \
             a DISCONNECT; all known codes if left out",
        ))
        .after_help("Example:  spop explain 257")
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let codes: Vec<&String> = matches.get_many("CODE").unwrap_or_default().collect();
    let codes = codes
        .iter()
        .map(|text| code(text))
        .collect::<Result<Vec<_>, _>>()?;
    let paint = Paint::of(&stdout());
    let texts: Vec<String> = match codes.as_slice() {
        [] => vec![all(paint)],
        codes => codes.iter().map(|code| one(*code, paint)).collect(),
    };
    print(&texts.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads `257`, and `st=257` as in HAProxy's log.
fn code(text: &str) -> Result<u32, Failure> {
    let digits = text.strip_prefix("st=").unwrap_or(text);
    digits.parse().map_err(|_| {
        Failure::usage(format!(
            "`{text}` is not a code: write a number such as `257`, or nothing for all of them"
        ))
    })
}

/// All that a number can mean.
fn one(code: u32, paint: Paint) -> String {
    let mut texts = Vec::new();
    match code.checked_sub(STATUS_BASE) {
        Some(status) => texts.push(reported(Status::from_code(status), paint)),
        None => {
            texts.push(value(code, paint));
            // Both are small numbers, and who asks seldom knows which of them it is.
            let status = Status::from_code(code);
            if status.is_known() {
                texts.push(said(status, paint));
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
    texts.extend(table::VALUES.iter().map(|(code, _)| value(*code, paint)));
    texts.extend(
        Status::ALL
            .iter()
            .map(|status| format!("{}{}", reported(*status, paint), wire(*status, paint))),
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
                 SPOP. `spop explain` lists them."
            )
        ),
    }
}

/// A status code as a stream gets it.
fn reported(status: Status, paint: Paint) -> String {
    let code = status.code();
    let explanation = of_status(status).0;
    let title = format!(
        "{}: {}",
        STATUS_BASE.saturating_add(code),
        explanation.meaning
    );
    format!(
        "{}\n{}{}",
        paint.bold(&title),
        wrap(
            "  ",
            &format!("value of `set-on-error`: 256 and status {code} (`{status}`)")
        ),
        body(explanation, paint)
    )
}

/// A status code as a frame has it.
fn said(status: Status, paint: Paint) -> String {
    let title = format!("{}: {status}", status.code());
    format!(
        "{}\n  status of a DISCONNECT\n{}{}",
        paint.bold(&title),
        wire(status, paint),
        wrap(
            "  ",
            &format!(
                "For what streams see of it: `spop explain {}`.",
                STATUS_BASE + status.code()
            )
        )
    )
}

fn wire(status: Status, paint: Paint) -> String {
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
    fn a_small_number_is_explained_as_both_that_it_can_be() {
        let text = explain(3);
        assert!(text.starts_with("3: the messages do not fit in a frame\n  value of"));
        assert!(text.contains("\n3: frame is too big\n  status of a DISCONNECT\n"));
        assert!(text.contains("`spop explain 259`"));
    }

    #[test]
    fn from_256_on_it_is_a_status() {
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
        for status in Status::ALL {
            let title = format!("\n{}: ", STATUS_BASE + status.code());
            assert!(text.contains(&title), "{title}");
        }
        for explanation in Status::ALL
            .iter()
            .map(|status| of_status(*status).0)
            .chain(table::VALUES.iter().map(|(_, explanation)| explanation))
        {
            assert!(!explanation.meaning.is_empty());
            assert!(!explanation.causes.is_empty(), "{}", explanation.meaning);
            assert!(!explanation.remedies.is_empty(), "{}", explanation.meaning);
        }
    }

    #[test]
    fn codes_are_read_as_logs_write_them() {
        assert_eq!(code("257"), Ok(257));
        assert_eq!(code("st=1"), Ok(1));
        assert_eq!(
            code("oops").unwrap_err().to_string(),
            "`oops` is not a code: write a number such as `257`, or nothing for all of them"
        );
    }
}
