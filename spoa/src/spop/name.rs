//! The names of messages and arguments, as HAProxy sends them.

use crate::text::breaks_line;
use std::fmt;

/// The name of a message or argument: bytes that HAProxy took from its configuration.
///
/// ```
/// use spoa::spop::Name;
///
/// assert!(Name::from("client-ip") == "client-ip");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Name(bytes)
    }

    /// Returns the bytes as they came.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Returns the name as text, if it is UTF-8.
    #[inline]
    #[must_use]
    pub fn to_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// The limit on the bytes of a name in a log line.
    pub(crate) const EXCERPT: usize = 100;

    /// Returns the name for a log line. It is cut, since a peer may send one as long as a frame.
    pub(crate) fn excerpt(&self) -> String {
        match self.0.get(..Self::EXCERPT) {
            Some(head) if head.len() < self.0.len() => format!("{}…", Name(head)),
            _ => self.to_string(),
        }
    }

    /// Returns whether there is no name: `args src` without `name=` in spoe.conf.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name(name.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(name: &'a [u8]) -> Self {
        Name(name)
    }
}

impl PartialEq<str> for Name<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Name<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            Some(name) if !name.contains(breaks_line) => f.pad(name),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_an_odd_one_is_escaped() {
        let longest = "n".repeat(Name::EXCERPT);
        assert_eq!(Name::from(longest.as_str()).excerpt(), longest);
        let longer = longest.clone() + "nnn";
        assert_eq!(Name::from(longer.as_str()).excerpt(), longest + "…");
        assert_eq!(Name::from("a\nb").excerpt(), "a\\nb");
        assert_eq!(Name::from("a\u{2028}b").to_string(), "a\\xe2\\x80\\xa8b");
    }
}
