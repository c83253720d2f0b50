//! The headers of a block, one after the other.

use super::header_block::{Form, LONG, end_of_string, read_binary, read_text};
use crate::handler::Text;
use std::fmt;
use std::iter::FusedIterator;

/// The names and values of [`Headers`](super::Headers), in order.
#[derive(Clone, Copy)]
pub struct HeaderIter<'a> {
    pub(super) rest: &'a [u8],
    pub(super) form: Form,
    pub(super) len: usize,
}

impl<'a> HeaderIter<'a> {
    /// Returns the value of the next header of a name.
    #[inline]
    pub(super) fn find_named(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        match self.form {
            Form::Binary => self.find_binary(name),
            Form::Text => {
                let named = |known: &[u8]| known.eq_ignore_ascii_case(name);
                self.find(|(known, _)| named(known)).map(|(_, value)| value)
            }
        }
    }

    /// Returns the value of the next header of a name, and reads only the lengths of the others.
    #[inline]
    fn find_binary(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        let first = name.len().min(usize::from(LONG));
        let mut at = 0;
        while let Some(len) = self.rest.get(at) {
            let value = end_of_string(self.rest, at)?;
            let after = end_of_string(self.rest, value)?;
            self.len -= 1;
            if usize::from(*len).min(usize::from(LONG)) == first {
                let (known, value, rest) = read_binary(self.rest.get(at..)?)?;
                if known.eq_ignore_ascii_case(name) {
                    self.rest = rest;
                    return Some(value);
                }
            }
            at = after;
        }
        self.rest = &[];
        None
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = match self.form {
            Form::Binary => read_binary(self.rest),
            Form::Text => read_text(self.rest),
        };
        // `from_block` or `from_text` has read it before.
        let (name, value, rest) = read?;
        self.rest = rest;
        self.len -= 1;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for HeaderIter<'_> {}
impl FusedIterator for HeaderIter<'_> {}

/// The values of all headers of one name.
#[derive(Clone)]
pub(super) struct HeadersNamed<'a, 'n> {
    pub(super) rest: HeaderIter<'a>,
    pub(super) name: &'n [u8],
}

impl<'a> Iterator for HeadersNamed<'a, '_> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.rest.find_named(self.name)
    }
}

impl FusedIterator for HeadersNamed<'_, '_> {}

/// Shows the headers that are left, without cookies and credentials.
impl fmt::Debug for HeaderIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.map(|(name, value)| {
            let secret = SECRETS
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret));
            let value = if secret { &b"(secret)"[..] } else { value };
            (Text::from_bytes(name), Text::from_bytes(value))
        });
        f.debug_map()
            .entries(shown.map(|(name, value)| (name.into_string(), value.into_string())))
            .finish()
    }
}

const SECRETS: [&[u8]; 5] = [
    b"authorization",
    b"cookie",
    b"proxy-authorization",
    b"set-cookie",
    b"x-api-key",
];
