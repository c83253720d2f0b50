//! The names that HAProxy takes, for sections of SPOE files and for variables, and how long they may be.

use std::fmt;

/// The most characters of a variable's whole name, `scope.prefix.name`. HAProxy builds it in 64 bytes,
/// the last of them NUL, and silently drops a longer one (`spoe_set_var` in its flt_spoe.c).
pub const MAX_VARIABLE: usize = 63;

/// The most characters of a message's name. HAProxy sends it as a string whose length takes two bytes at
/// most (`spoe_encode_message` in its flt_spoe.c), of which 2287 is the greatest.
pub const MAX_MESSAGE: usize = 2287;

/// The scope of a variable: where it is and for how long (SPOE.txt 3.4). HAProxy has no other scopes, so the
/// enum is complete.
///
/// ```
/// use spoa_facts::Scope;
///
/// assert_eq!(Scope::from_name("sess"), Some(Scope::Session));
/// assert_eq!(Scope::Transaction.to_string(), "txn");
/// ```
///
/// These are all scopes that an agent can set (SPOE.txt 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `proc`: the whole process. HAProxy takes only names that it knows from its configuration.
    Process,
    /// `sess`: the client's connection.
    Session,
    /// `txn`: the request and its response.
    Transaction,
    /// `req`: the request.
    Request,
    /// `res`: the response. A variable that is set at an event of the request is not visible there.
    Response,
}

impl Scope {
    /// All scopes, in the order of their codes.
    pub const ALL: [Scope; 5] = [
        Scope::Process,
        Scope::Session,
        Scope::Transaction,
        Scope::Request,
        Scope::Response,
    ];

    /// Returns the code on the wire, 0 to 4.
    #[inline]
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the scope that has a code on the wire.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }

    /// Returns the name in a variable: `proc`, `sess`, `txn`, `req` or `res`.
    #[inline]
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Process => "proc",
            Scope::Session => "sess",
            Scope::Transaction => "txn",
            Scope::Request => "req",
            Scope::Response => "res",
        }
    }

    /// Returns the scope of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Returns the most characters that a name can have in this scope: the scope, two dots and a prefix of
    /// at least one character come before it.
    ///
    /// ```
    /// assert_eq!(spoa_facts::Scope::Session.room(), 56);
    /// ```
    #[must_use]
    pub const fn room(self) -> usize {
        MAX_VARIABLE - self.name().len() - 3
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns whether HAProxy takes a character in the name of a variable, and in the prefix of an agent's
/// variables. It drops a variable with any other character silently.
///
/// ```
/// assert!(spoa_facts::is_in_variable('_') && !spoa_facts::is_in_variable('-'));
/// ```
#[must_use]
pub const fn is_in_variable(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

/// Returns whether HAProxy takes a character in the name of a message, a group, an agent or an engine
/// (`invalid_char` in its tools.c).
///
/// ```
/// assert!(spoa_facts::is_in_name('-') && !spoa_facts::is_in_name(' '));
/// ```
#[must_use]
pub const fn is_in_name(c: char) -> bool {
    is_in_variable(c) || matches!(c, '-' | ':')
}

/// Returns whether HAProxy takes a text as the name of a variable, or as a prefix of variables.
///
/// ```
/// assert!(spoa_facts::is_variable("ip_score") && !spoa_facts::is_variable("ip-score"));
/// ```
#[must_use]
pub fn is_variable(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_in_variable)
}

/// Returns whether HAProxy takes a text as the name of a message, a group, an agent or an engine.
///
/// ```
/// assert!(spoa_facts::is_name("get-ip") && !spoa_facts::is_name("get ip"));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_in_name)
}
