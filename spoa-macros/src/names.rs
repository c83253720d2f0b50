//! What HAProxy takes as the name of a message, of an argument, of a variable, and how a time is
//! written.
//!
//! It knows text only, no tokens: what is wrong comes back in words that a compiler error can show.

/// A scope of HAProxy's variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// HAProxy's name for it.
    pub(crate) name: &'static str,
    /// The variant of `spoa::Scope`.
    pub(crate) variant: &'static str,
    /// The function of `SetVar` and `UnsetVar`.
    pub(crate) function: &'static str,
}

pub(crate) const SCOPES: [Scope; 5] = [
    Scope {
        name: "proc",
        variant: "Process",
        function: "process",
    },
    Scope {
        name: "sess",
        variant: "Session",
        function: "session",
    },
    Scope {
        name: "txn",
        variant: "Transaction",
        function: "transaction",
    },
    Scope {
        name: "req",
        variant: "Request",
        function: "request",
    },
    Scope {
        name: "res",
        variant: "Response",
        function: "response",
    },
];

/// A variable: `sess.ip_score`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) scope: Scope,
    pub(crate) name: String,
}

/// HAProxy writes the name of a message as a string whose length takes two bytes at most
/// (`spoe_encode_message` in flt_spoe.c): 2287 is the greatest such length. No other bound is set
/// on it: the 63 characters are those of variables.
const LONGEST_MESSAGE: usize = 2287;

/// HAProxy builds `scope.prefix.name` in 64 bytes, the last of them NUL, and drops what is longer
/// (`spoe_set_var` in flt_spoe.c). A prefix has one character at least.
const LONGEST_VARIABLE: usize = 63;

/// `spoe-message <name>` takes what `invalid_char` in HAProxy's tools.c lets through: ASCII letters
/// and digits, `.`, `:`, `_` and `-`, one of them at least.
pub(crate) fn message(name: &str) -> Result<(), String> {
    section(name, "spoe-message", "message")?;
    if name.len() > LONGEST_MESSAGE {
        return Err(format!(
            "HAProxy cannot send a message whose name has {} characters: shorten it to \
             {LONGEST_MESSAGE} at most",
            name.len()
        ));
    }
    Ok(())
}

/// The name of a section of spoe.conf.
pub(crate) fn section(name: &str, keyword: &str, what: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!(
            "the name of the {what} is empty: write the name that stands after `{keyword}` in spoe.conf"
        ));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-');
    if let Some(stranger) = name.chars().find(|c| !fits(*c)) {
        let corrected =
            corrected(name, fits, '-').map(|corrected| format!(", for instance `\"{corrected}\"`"));
        return Err(format!(
            "HAProxy takes no {} in the name of a {what}: use letters, digits, `-`, `_`, `.` \
             and `:`{}",
            shown(stranger),
            corrected.unwrap_or_default()
        ));
    }
    Ok(())
}

/// `args <name>=<sample>` takes any bytes up to the first `=` (`cfg_parse_spoe_message`).
pub(crate) fn argument(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(
            "the name of the argument is empty: write the name that stands before `=` in \
                    `args` of spoe.conf, or take an unnamed argument by its place with \
                    `#[arg(index = 0)]`"
                .to_owned(),
        );
    }
    match name.chars().find(|c| *c == '=' || c.is_control()) {
        Some('=') => Err(format!(
            "the name of an argument ends before the `=`: write `\"{}\"`",
            name.split('=').next().unwrap_or_default()
        )),
        Some(stranger) => Err(format!(
            "HAProxy takes no {} in the name of an argument",
            shown(stranger)
        )),
        None => Ok(()),
    }
}

/// The scope of that name.
pub(crate) fn scope(name: &str) -> Result<Scope, String> {
    if let Some(scope) = SCOPES.into_iter().find(|scope| scope.name == name) {
        return Ok(scope);
    }
    let lower = name.to_ascii_lowercase();
    let meant = SCOPES.into_iter().find(|scope| {
        [scope.name, scope.function].contains(&&*lower)
            || (lower.len() >= 3 && scope.function.starts_with(&lower))
    });
    let expected = "expected `proc`, `sess`, `txn`, `req` or `res`";
    Err(match meant {
        Some(meant) => {
            format!(
                "HAProxy has no scope `{name}`: write `{}` ({expected})",
                meant.name
            )
        }
        None => format!("HAProxy has no scope `{name}`: {expected}"),
    })
}

/// `sess.ip_score`: scope and name.
pub(crate) fn scoped(text: &str) -> Result<Variable, String> {
    let Some((scope_name, name)) = text.split_once('.') else {
        let meant = if SCOPES.iter().any(|scope| scope.name == text) {
            return Err(format!(
                "a name is missing behind the scope: write `\"{text}.name\"`"
            ));
        } else if text.is_empty() {
            "name"
        } else {
            text
        };
        return Err(format!(
            "a variable is written with its scope, `proc`, `sess`, `txn`, `req` or `res`: for \
             instance `\"sess.{meant}\"`"
        ));
    };
    let scope = scope(scope_name)?;
    variable(scope, name)?;
    Ok(Variable {
        scope,
        name: name.to_owned(),
    })
}

/// The name of a variable, without scope and prefix. HAProxy takes ASCII letters, digits, `_` and
/// `.`, and drops the action silently when there is anything else.
pub(crate) fn variable(scope: Scope, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!(
            "the name of the variable is empty: write what follows `{}.<prefix>.`",
            scope.name
        ));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if let Some(stranger) = name.chars().find(|c| !fits(*c)) {
        let corrected =
            corrected(name, fits, '_').map(|corrected| format!(", for instance `{corrected}`"));
        return Err(format!(
            "HAProxy drops a variable with {} in its name: use letters, digits, `_` and `.`{}",
            shown(stranger),
            corrected.unwrap_or_default()
        ));
    }
    // The scope, two dots, and a prefix of at least one character.
    let room = LONGEST_VARIABLE - scope.name.len() - 3;
    if name.len() > room {
        return Err(format!(
            "HAProxy drops a variable of more than {LONGEST_VARIABLE} characters, scope and prefix \
             included: shorten this name from {} to {room} at most",
            name.len()
        ));
    }
    Ok(())
}

/// `20ms` in microseconds.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] = [
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
    ];
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = match number.parse::<u64>() {
        Ok(0) => return Err("a timeout of 0 leaves the handler no time: leave it out".to_owned()),
        Ok(number) => number,
        Err(_) if digits > 0 => return Err(format!("`{text}` is too long a time")),
        Err(_) => {
            return Err(format!(
                "`{text}` is no time: write a whole number and a unit, `us`, `ms`, `s`, `m` \
                 or `h`, for instance `\"20ms\"`"
            ));
        }
    };
    match UNITS.into_iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => number
            .checked_mul(factor)
            .ok_or_else(|| format!("`{text}` is too long a time")),
        None if unit.is_empty() => Err(format!(
            "`{text}` has no unit, `us`, `ms`, `s`, `m` or `h`: write for instance `\"{text}ms\"`"
        )),
        None if unit.starts_with(['.', ',']) => Err(format!(
            "`{text}` is no whole number: write it in a smaller unit, `us` or `ms`"
        )),
        None => {
            let meant = UNITS
                .into_iter()
                .find(|(name, _)| unit.trim().starts_with(name));
            let meant = meant.map_or("s", |(name, _)| name);
            Err(format!(
                "`{unit}` is no unit of time: write `us`, `ms`, `s`, `m` or `h`, for instance \
                 `\"{number}{meant}\"`"
            ))
        }
    }
}

/// `NotFound` and `not_found` as `not-found`.
pub(crate) fn kebab(ident: &str) -> String {
    let mut out = String::new();
    let mut before = '-';
    for c in ident.chars() {
        if c == '_' {
            out.push('-');
        } else {
            if c.is_uppercase() && before != '-' && before != '_' && !before.is_uppercase() {
                out.push('-');
            }
            out.extend(c.to_lowercase());
        }
        before = c;
    }
    out
}

/// The name with other characters for those that do not fit; none for letters, which have a meaning.
fn corrected(name: &str, fits: impl Fn(char) -> bool, with: char) -> Option<String> {
    let letters = name.chars().any(|c| !fits(c) && c.is_alphanumeric());
    let corrected = name.trim().chars().map(|c| if fits(c) { c } else { with });
    (!letters && !name.trim().is_empty()).then(|| corrected.collect())
}

fn shown(c: char) -> String {
    match c {
        ' ' => "space".to_owned(),
        '`' => "backquote".to_owned(),
        c => format!("`{}`", c.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_have_what_haproxy_takes() {
        for name in ["get-ip-reputation", "a.b:c_d-1", "9"] {
            assert_eq!(message(name), Ok(()));
        }
        let space = message("get ip").unwrap_err();
        assert!(
            space.starts_with("HAProxy takes no space in the name of a message"),
            "{space}"
        );
        assert!(space.ends_with("for instance `\"get-ip\"`"), "{space}");
        assert!(message("größe").unwrap_err().contains("no `ö`"));
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

    #[test]
    fn a_variable_has_a_scope_and_a_name_that_haproxy_keeps() {
        let score = scoped("sess.ip_score").unwrap();
        assert_eq!(
            (score.scope.variant, score.name.as_str()),
            ("Session", "ip_score")
        );
        assert!(
            scoped("ip_score")
                .unwrap_err()
                .ends_with("`\"sess.ip_score\"`")
        );
        assert!(scoped("session.x").unwrap_err().contains("write `sess`"));
        assert!(scoped("Req.x").unwrap_err().contains("write `req`"));
        assert!(scoped("trans.x").unwrap_err().contains("write `txn`"));
        assert!(
            scoped("global.x")
                .unwrap_err()
                .ends_with("no scope `global`: expected `proc`, `sess`, `txn`, `req` or `res`")
        );
        assert!(scoped("sess.").unwrap_err().contains("is empty"));
        assert!(scoped("sess").unwrap_err().ends_with("`\"sess.name\"`"));
        assert!(scoped("sess.ip-score").unwrap_err().ends_with("`ip_score`"));
        assert!(scoped(&format!("sess.{}", "n".repeat(56))).is_ok());
        assert!(
            scoped(&format!("sess.{}", "n".repeat(57)))
                .unwrap_err()
                .contains("from 57 to 56")
        );
        assert!(scoped(&format!("txn.{}", "n".repeat(57))).is_ok());
    }

    #[test]
    fn a_time_is_a_whole_number_and_a_unit() {
        assert_eq!(duration("20ms"), Ok(20_000));
        assert_eq!(duration("7us"), Ok(7));
        assert_eq!(duration("2s"), Ok(2_000_000));
        // As on the command line.
        assert_eq!(duration("1m"), Ok(60_000_000));
        assert_eq!(duration("1h"), Ok(3_600_000_000));
        for (text, problem) in [
            ("20", "write for instance `\"20ms\"`"),
            ("", "`` is no time"),
            ("ms", "`ms` is no time"),
            ("0ms", "leave it out"),
            ("1.5s", "no whole number"),
            ("20 ms", "for instance `\"20ms\"`"),
            ("5min", "for instance `\"5m\"`"),
            ("5sec", "for instance `\"5s\"`"),
            ("5days", "for instance `\"5s\"`"),
            ("18446744073709551615s", "too long"),
            ("99999999999999999999ms", "too long"),
        ] {
            let found = duration(text).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn words_are_joined_by_hyphens() {
        for (ident, name) in [
            ("Get", "get"),
            ("NotFound", "not-found"),
            ("ip_score", "ip-score"),
            ("HTTP", "http"),
        ] {
            assert_eq!(kebab(ident), name);
        }
    }
}
