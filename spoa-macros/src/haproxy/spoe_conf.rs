//! The text that goes into spoe.conf unchanged: events, conditions, groups and samples.
//!
//! These functions read text and return the text of an error; they do not handle tokens.

use super::names;
use spoa_facts::Event;

/// Checks the event at which a message is sent.
pub(crate) fn event(text: &str) -> Result<(), String> {
    if let Some((event, _)) = text.split_once(char::is_whitespace) {
        if event.parse::<Event>().is_ok() {
            return Err(format!(
                "`event` takes only the name of the event: write `event = \"{event}\"`, and the rest as \
                 `condition = \"…\"`"
            ));
        }
    }
    text.parse::<Event>()
        .map(drop)
        .map_err(|unknown| unknown.to_string())
}

/// Checks the text after the event, or after the rule that sends the group.
pub(crate) fn condition(text: &str) -> Result<(), String> {
    one_line(text, "a condition")?;
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "if" | "unless" if rest.trim().is_empty() => Err(format!(
            "`{word}` needs a condition after it: write for instance `\"{word} {{ path_beg /api }}\"`"
        )),
        "if" | "unless" => Ok(()),
        _ if text.trim().is_empty() => {
            Err("the condition is empty: remove it, or write one".to_owned())
        }
        _ => Err(format!(
            "a condition must begin with `if` or `unless`: write `\"if {}\"`",
            text.trim()
        )),
    }
}

/// Checks the name of the group that a message belongs to.
pub(crate) fn group(text: &str) -> Result<(), String> {
    names::section(text, "spoe-group", "group")
}

/// Checks that a sample expression is one line of text.
pub(crate) fn sample(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(
            "the sample is empty: write the text after `=` in `args` of spoe.conf, for instance \
             `\"src\"`"
                .to_owned(),
        );
    }
    one_line(text, "a sample")
}

fn one_line(text: &str, what: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_control()) {
        Some('\n' | '\r') => Err(format!(
            "{what} must be one line of HAProxy's configuration: remove the line break, or continue \
             the string with a `\\` at the end of the line"
        )),
        Some(stranger) => Err(format!(
            "{what} cannot contain the control character `{}`: remove it",
            stranger.escape_debug()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_must_be_one_that_haproxy_knows() {
        assert_eq!(event("on-http-response"), Ok(()));
        let slip = event("on-frontend-http-requst").unwrap_err();
        assert!(slip.contains("mean `on-frontend-http-request`?"), "{slip}");
        let line = event("on-http-response if { status 500 }").unwrap_err();
        assert!(line.starts_with("`event` takes only the name"), "{line}");
    }

    #[test]
    fn a_condition_begins_with_its_word() {
        assert_eq!(condition("if ! { src -f /etc/allow.lst }"), Ok(()));
        assert_eq!(condition("unless internal"), Ok(()));
        for (text, problem) in [
            ("{ path / }", "write `\"if { path / }\"`"),
            ("if", "`if` needs a condition"),
            ("unless  ", "`unless` needs a condition"),
            ("", "is empty"),
            ("if a\n   b", "one line"),
            ("if\ta", "control character"),
        ] {
            let found = condition(text).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn a_group_has_a_name_that_haproxy_takes() {
        assert_eq!(group("check-ip"), Ok(()));
        let space = group("check ip").unwrap_err();
        assert!(space.ends_with("for instance `\"check-ip\"`"), "{space}");
        assert!(group("").unwrap_err().contains("after `spoe-group`"));
    }

    #[test]
    fn a_sample_is_one_line() {
        assert_eq!(sample("req.hdr(host),lower"), Ok(()));
        assert!(sample(" ").unwrap_err().contains("is empty"));
        assert!(sample("src\n").unwrap_err().contains("one line"));
    }
}
