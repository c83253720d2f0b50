//! Tokens, which the names of headers and cookies are.

/// Whether a character may be in a token (RFC 9110 5.6.2).
pub(super) fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
