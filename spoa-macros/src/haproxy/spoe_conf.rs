//! HAProxy's side of a handler as its attributes tell it: when a message is sent, and where its
//! arguments come from.
//!
//! It knows text only, no tokens: what is wrong comes back in words that a compiler error can show.

use super::names;
use spoa_facts::Event;

/// The event a message is sent at.
pub(crate) fn event(text: &str) -> Result<(), String> {
    if let Some((event, _)) = text.split_once(char::is_whitespace) {
        if event.parse::<Event>().is_ok() {
            return Err(format!(
                "an event stands alone: write `event = \"{event}\"`, and what follows as \
                 `condition = \"…\"`"
            ));
        }
    }
    text.parse::<Event>()
        .map(drop)
        .map_err(|unknown| unknown.to_string())
}

/// What stands behind the event, or behind the rule that sends the group.
pub(crate) fn condition(text: &str) -> Result<(), String> {
    one_line(text, "a condition")?;
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "if" | "unless" if rest.trim().is_empty() => Err(format!(
            "nothing follows `{word}`: write what must hold, for instance `\"{word} {{ path_beg \
             /api }}\"`"
        )),
        "if" | "unless" => Ok(()),
        _ if text.trim().is_empty() => {
            Err("the condition is empty: leave it out, or write what must hold".to_owned())
        }
        _ => Err(format!(
            "a condition begins with `if` or `unless`: write `\"if {}\"`",
            text.trim()
        )),
    }
}

/// The group a message belongs to.
pub(crate) fn group(text: &str) -> Result<(), String> {
    names::section(text, "spoe-group", "group")
}

/// A sample expression, as it stands behind the `=` in `args` of spoe.conf.
pub(crate) fn sample(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(
            "the sample is empty: write what stands behind the `=` in `args` of spoe.conf, for \
             instance `\"src\"`"
                .to_owned(),
        );
    }
    one_line(text, "a sample")
}

fn one_line(text: &str, what: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_control()) {
        Some('\n' | '\r') => Err(format!(
            "{what} is one line of HAProxy's configuration: take the line break out (a `\\` at the \
             end of a line of Rust does that)"
        )),
        Some(stranger) => Err(format!(
            "{what} is text, and `{}` is a control character: take it out",
            stranger.escape_debug()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_of_haproxys() {
        assert_eq!(event("on-http-response"), Ok(()));
        let slip = event("on-frontend-http-requst").unwrap_err();
        assert!(slip.contains("mean `on-frontend-http-request`?"), "{slip}");
        let line = event("on-http-response if { status 500 }").unwrap_err();
        assert!(line.starts_with("an event stands alone"), "{line}");
    }

    #[test]
    fn a_condition_begins_with_its_word() {
        assert_eq!(condition("if ! { src -f /etc/allow.lst }"), Ok(()));
        assert_eq!(condition("unless internal"), Ok(()));
        for (text, problem) in [
            ("{ path / }", "write `\"if { path / }\"`"),
            ("if", "nothing follows `if`"),
            ("unless  ", "nothing follows `unless`"),
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
