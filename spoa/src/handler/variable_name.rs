//! The names of variables that HAProxy takes.

use crate::spop::{Name, Scope};
use spoa_facts::{MAX_VARIABLE, is_in_variable};

/// The error for a name of a variable that HAProxy refuses.
///
/// In HAProxy, the name of the variable is `scope.prefix.name`. HAProxy takes letters, digits, `_` and `.`, at most
/// 63 characters in all, and silently drops any other name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HAProxy drops the variable `{scope}.{}`: {problem}", Name::from(name.as_str()).excerpt())]
pub struct BadVariable {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) problem: Problem,
}

impl BadVariable {
    /// Checks that HAProxy takes a name of a variable.
    ///
    /// ```
    /// use spoa::handler::BadVariable;
    /// use spoa::spop::Scope;
    ///
    /// assert!(BadVariable::check(Scope::Session, "ip_score").is_ok());
    /// assert_eq!(BadVariable::check(Scope::Session, "ip-score").unwrap_err().name(), "ip-score");
    /// ```
    ///
    /// # Errors
    /// [`BadVariable`] if HAProxy would drop the variable silently.
    pub fn check(scope: Scope, name: &str) -> Result<(), BadVariable> {
        check(scope, name)
    }

    /// Returns the scope of the variable.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the name, without scope and prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("its name is empty")]
    Empty,
    #[error("`{}` is not allowed in a name; use letters, digits, `_` and `.`", .0.escape_debug())]
    Character(char),
    #[error(
        "with its scope and a prefix it has more than {MAX_VARIABLE} characters; shorten it to {0}"
    )]
    Long(usize),
}

/// The longest name with its scope: of HAProxy's 63 characters, two dots and a prefix of at least one
/// character come before the name.
const MAX_WITH_SCOPE: usize = MAX_VARIABLE - 3;

/// The bytes that HAProxy takes in a name, as a table: names are checked with every action.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        allowed[byte] = is_in_variable(byte as u8 as char);
        byte += 1;
    }
    allowed
};

/// Returns whether HAProxy takes a byte in a name.
#[inline]
fn is_allowed(byte: u8) -> bool {
    ALLOWED.get(usize::from(byte)).copied().unwrap_or_default()
}

#[inline(always)]
pub(super) fn check(scope: Scope, name: &str) -> Result<(), BadVariable> {
    let fits = !name.is_empty() && name.len() + scope.name().len() <= MAX_WITH_SCOPE;
    // Every byte is checked, without an early exit, which is faster for a good name.
    if fits
        && name
            .bytes()
            .fold(true, |good, byte| good & is_allowed(byte))
    {
        return Ok(());
    }
    Err(bad(scope, name))
}

#[cold]
fn bad(scope: Scope, name: &str) -> BadVariable {
    let stranger = name.chars().find(|c| !is_in_variable(*c));
    let problem = match stranger {
        _ if name.is_empty() => Problem::Empty,
        Some(stranger) => Problem::Character(stranger),
        None => Problem::Long(MAX_WITH_SCOPE - scope.name().len()),
    };
    BadVariable {
        scope,
        name: name.to_owned(),
        problem,
    }
}
