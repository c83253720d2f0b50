//! The names that HAProxy accepts for a message, a group and an argument.
//!
//! These functions read text and return the text of an error; they do not handle tokens.

use spoa_facts::{MAX_MESSAGE, is_in_name};

/// Checks the name of a message. `spoe-message <name>` accepts what `invalid_char` in HAProxy's tools.c
/// does: at least one character, all of them ASCII letters and digits, `.`, `:`, `_` and `-`.
pub(crate) fn message(name: &str) -> Result<(), String> {
    section(name, "spoe-message", "message")?;
    if name.len() > MAX_MESSAGE {
        return Err(format!(
            "HAProxy cannot send a message whose name has {} characters: shorten it to at most \
             {MAX_MESSAGE}",
            name.len()
        ));
    }
    Ok(())
}

/// Checks the name of a section of spoe.conf.
pub(crate) fn section(name: &str, keyword: &str, what: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!(
            "the name of the {what} is empty: write the name after `{keyword}` in spoe.conf"
        ));
    }
    if let Some(stranger) = name.chars().find(|c| !is_in_name(*c)) {
        let corrected = corrected(name, is_in_name, '-')
            .map(|corrected| format!(", for instance `\"{corrected}\"`"));
        return Err(format!(
            "HAProxy does not accept {} in the name of a {what}: use letters, digits, `-`, `_`, \
             `.` and `:`{}",
            shown(stranger),
            corrected.unwrap_or_default()
        ));
    }
    Ok(())
}

/// Checks the name of an argument. `args <name>=<sample>` accepts any bytes up to the first `=`
/// (`cfg_parse_spoe_message`).
pub(crate) fn argument(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(
            "the name of the argument is empty: write the name before `=` in \
                    `args` of spoe.conf, or take an unnamed argument by its position with \
                    `index = 0`"
                .to_owned(),
        );
    }
    match name.chars().find(|c| *c == '=' || c.is_control()) {
        Some('=') => Err(format!(
            "the name of an argument cannot contain `=`: write `\"{}\"`",
            name.split('=').next().unwrap_or_default()
        )),
        Some(stranger) => Err(format!(
            "HAProxy does not accept {} in the name of an argument",
            shown(stranger)
        )),
        None => Ok(()),
    }
}

/// Replaces the characters that are not accepted. Returns nothing if one of them is a letter, because
/// another letter would mean something else.
pub(super) fn corrected(name: &str, fits: impl Fn(char) -> bool, with: char) -> Option<String> {
    let letters = name.chars().any(|c| !fits(c) && c.is_alphanumeric());
    let corrected = name.trim().chars().map(|c| if fits(c) { c } else { with });
    (!letters && !name.trim().is_empty()).then(|| corrected.collect())
}

pub(super) fn shown(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '`' => "a backquote".to_owned(),
        c => format!("`{}`", c.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_have_a_name_that_haproxy_accepts() {
        for name in ["get-ip-reputation", "a.b:c_d-1", "9"] {
            assert_eq!(message(name), Ok(()));
        }
        let space = message("get ip").unwrap_err();
        assert!(
            space.starts_with("HAProxy does not accept a space in the name of a message"),
            "{space}"
        );
        assert!(space.ends_with("for instance `\"get-ip\"`"), "{space}");
        assert!(message("größe").unwrap_err().contains("not accept `ö`"));
        assert!(message("").unwrap_err().contains("is empty"));
        assert_eq!(message(&"m".repeat(2287)), Ok(()));
        assert!(message(&"m".repeat(2288)).is_err());
    }

    #[test]
    fn an_argument_ends_at_the_equals_sign() {
        assert_eq!(argument("client-ip"), Ok(()));
        assert!(argument("ip=src").unwrap_err().ends_with("write `\"ip\"`"));
        assert!(argument("a\n").is_err());
    }
}
