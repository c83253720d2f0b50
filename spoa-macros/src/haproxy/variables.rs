//! The scopes and names that HAProxy accepts for a variable.
//!
//! These functions read text and return the text of an error; they do not handle tokens.

use super::names::{corrected, shown};
use spoa_facts::{MAX_VARIABLE, is_in_variable, one_of};

pub(crate) use spoa_facts::Scope;

/// Returns the function of `SetVar` and `UnsetVar` for a scope.
pub(crate) fn function(scope: Scope) -> &'static str {
    match scope {
        Scope::Process => "process",
        Scope::Session => "session",
        Scope::Transaction => "transaction",
        Scope::Request => "request",
        Scope::Response => "response",
    }
}

/// Returns the variant of `spoa::Scope` for a scope.
pub(crate) fn variant(scope: Scope) -> String {
    format!("{scope:?}")
}

/// A variable: `sess.ip_score`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) scope: Scope,
    pub(crate) name: String,
}

/// Finds the scope of a name.
pub(crate) fn scope(name: &str) -> Result<Scope, String> {
    if let Some(scope) = Scope::from_name(name) {
        return Ok(scope);
    }
    let lower = name.to_ascii_lowercase();
    let meant = Scope::ALL.into_iter().find(|scope| {
        [scope.name(), function(*scope)].contains(&&*lower)
            || (lower.len() >= 3 && function(*scope).starts_with(&lower))
    });
    let expected = format!("expected {}", one_of(Scope::ALL.map(Scope::name)));
    Err(match meant {
        Some(meant) => {
            format!(
                "HAProxy has no scope `{name}`: write `{}` ({expected})",
                meant.name()
            )
        }
        None => format!("HAProxy has no scope `{name}`: {expected}"),
    })
}

/// Reads a variable with its scope: `sess.ip_score`.
pub(crate) fn scoped(text: &str) -> Result<Variable, String> {
    let Some((scope_name, name)) = text.split_once('.') else {
        let meant = if Scope::from_name(text).is_some() {
            return Err(format!(
                "a name is missing after the scope: write `\"{text}.name\"`"
            ));
        } else if text.is_empty() {
            "name"
        } else {
            text
        };
        return Err(format!(
            "a variable needs a scope, {}: write for instance `\"sess.{meant}\"`",
            one_of(Scope::ALL.map(Scope::name))
        ));
    };
    let scope = scope(scope_name)?;
    variable(scope, name)?;
    Ok(Variable {
        scope,
        name: name.to_owned(),
    })
}

/// Checks the name of a variable, without scope and prefix. HAProxy accepts ASCII letters, digits, `_`
/// and `.`, and drops the action silently if there is anything else.
pub(crate) fn variable(scope: Scope, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!(
            "the name of the variable is empty: write the part after `{}.<prefix>.`",
            scope.name()
        ));
    }
    if let Some(stranger) = name.chars().find(|c| !is_in_variable(*c)) {
        let corrected = corrected(name, is_in_variable, '_')
            .map(|corrected| format!(", for instance `{corrected}`"));
        return Err(format!(
            "HAProxy drops a variable with {} in its name: use letters, digits, `_` and `.`{}",
            shown(stranger),
            corrected.unwrap_or_default()
        ));
    }
    let room = scope.room();
    if name.len() > room {
        return Err(format!(
            "HAProxy drops a variable of more than {MAX_VARIABLE} characters, scope and prefix \
             included: shorten this name from {} to at most {room}",
            name.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_scope_and_a_name_that_haproxy_keeps() {
        let score = scoped("sess.ip_score").unwrap();
        assert_eq!(
            (score.scope, score.name.as_str()),
            (Scope::Session, "ip_score")
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
                .contains("from 57 to at most 56")
        );
        assert!(scoped(&format!("txn.{}", "n".repeat(57))).is_ok());
    }
}
