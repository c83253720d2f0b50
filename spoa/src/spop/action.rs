//! The actions of an ACK (SPOE.txt 3.4): what to do with HAProxy's variables.
//!
//! Any name can be encoded. [`crate::handler`] checks which names HAProxy takes.

use super::{DecodeError, Name, Scope, Value, reader::Reader, value::string};
use std::fmt;

const SET_VAR: u8 = 1;
const UNSET_VAR: u8 = 2;

/// The length of the longest name that HAProxy accepts.
const SHORT: usize = 63;

/// One action of an ACK. SPOE.txt has no others, so the enum is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Set a variable; [`Value::Null`] unsets it.
    SetVar {
        /// The scope.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: Name<'a>,
        /// Its value.
        value: Value<'a>,
    },
    /// Unset a variable.
    UnsetVar {
        /// The scope.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: Name<'a>,
    },
}

impl<'a> Action<'a> {
    /// Returns the scope of the variable.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let (Action::SetVar { scope, .. } | Action::UnsetVar { scope, .. }) = self;
        *scope
    }

    /// Returns the name of the variable, without scope and prefix.
    #[must_use]
    pub fn name(&self) -> Name<'a> {
        let (Action::SetVar { name, .. } | Action::UnsetVar { name, .. }) = self;
        *name
    }
}

impl Action<'_> {
    /// Appends the action to `out`, the payload of an ACK.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.append(out);
    }

    /// Appends as [`encode`](Self::encode) does, but always inlined, so that constant scopes and names fold.
    #[inline(always)]
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        match *self {
            Action::SetVar { scope, name, value } => {
                let name = name.as_bytes();
                if name.len() > SHORT {
                    out.extend_from_slice(&[SET_VAR, 3, scope.code()]);
                    string(name, out);
                    return value.append(out);
                }
                // Put together first: one check for room in the place of three, and where the name
                // is a constant, so is most of this.
                let mut bytes = [0; 4 + SHORT + 2];
                let (head, rest) = bytes.split_at_mut(4);
                let (middle, tail) = rest.split_at_mut(name.len());
                head.copy_from_slice(&[SET_VAR, 3, scope.code(), name.len() as u8]);
                middle.copy_from_slice(name);
                let len = 4 + name.len();
                match (value.short(), tail) {
                    (Some(short), [tag, byte, ..]) => {
                        [*tag, *byte] = short;
                        out.extend_from_slice(bytes.get(..len + 2).unwrap_or_default());
                    }
                    _ => {
                        out.extend_from_slice(bytes.get(..len).unwrap_or_default());
                        value.append(out);
                    }
                }
            }
            Action::UnsetVar { scope, name } => {
                out.extend_from_slice(&[UNSET_VAR, 2, scope.code()]);
                string(name.as_bytes(), out);
            }
        }
    }
}

impl Action<'_> {
    /// Returns a lower bound of the encoded size.
    #[inline(always)]
    pub(crate) fn min_size(&self) -> usize {
        match self {
            Action::SetVar { name, value, .. } => {
                let text = match value {
                    Value::String(bytes) | Value::Binary(bytes) => bytes.len(),
                    _ => 0,
                };
                name.as_bytes().len() + text
            }
            Action::UnsetVar { name, .. } => name.as_bytes().len(),
        }
    }

    /// Returns an upper bound of the encoded size: three bytes of a head, two lengths and a type, or an IPv6
    /// address.
    #[inline(always)]
    pub(crate) fn max_size(&self) -> usize {
        self.min_size() + 32
    }
}

/// `set-var sess.ip_score = 20`, `unset-var txn.reason`.
impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::SetVar { scope, name, value } => write!(f, "set-var {scope}.{name} = {value}"),
            Action::UnsetVar { scope, name } => write!(f, "unset-var {scope}.{name}"),
        }
    }
}

/// An iterator over the actions of an ACK's payload; it ends after the first error, as HAProxy does.
///
/// ```
/// use spoa::spop::ActionIter;
///
/// let payload = b"\x02\x02\x01\x05score\x09\x09\x09";
/// let mut actions = ActionIter::new(payload);
/// assert_eq!(actions.next().unwrap().unwrap().to_string(), "unset-var sess.score");
/// assert!(actions.next().unwrap().is_err());
/// assert!(actions.next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct ActionIter<'a> {
    reader: Reader<'a>,
}

impl<'a> ActionIter<'a> {
    /// Reads from the payload of an ACK.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        ActionIter {
            reader: Reader::new(payload),
        }
    }

    fn action(&mut self) -> Result<Action<'a>, DecodeError> {
        let code = self.reader.byte()?;
        let args = self.reader.byte()?;
        let scope = Scope::from_code(self.reader.byte()?);
        match (code, args, scope) {
            (SET_VAR, 3, Some(scope)) => Ok(Action::SetVar {
                scope,
                name: Name::new(self.reader.string()?),
                value: self.reader.value()?,
            }),
            (UNSET_VAR, 2, Some(scope)) => Ok(Action::UnsetVar {
                scope,
                name: Name::new(self.reader.string()?),
            }),
            _ => Err(DecodeError::UnknownAction(code)),
        }
    }

    /// Returns the bytes that are not read yet: at first, the whole payload.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl<'a> Iterator for ActionIter<'a> {
    type Item = Result<Action<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let action = self.action();
        if action.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(action)
    }
}

/// Returns the bytes of the longest run of whole actions at the front of `payload` that has at most
/// `limit`, and how many actions those are. `cut` is shown those after them.
pub(crate) fn fit(
    payload: &[u8],
    limit: usize,
    mut cut: impl FnMut(&Action<'_>),
) -> (usize, usize) {
    let mut actions = ActionIter::new(payload);
    let (mut len, mut kept) = (0, 0);
    while let Some(Ok(action)) = actions.next() {
        let end = payload.len() - actions.payload().len();
        if end <= limit {
            (len, kept) = (end, kept + 1);
        } else {
            cut(&action);
        }
    }
    (len, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_action_ends_the_iteration() {
        let unset = |code: u8, args: u8, scope: u8| [code, args, scope, 1, b'x'];
        assert!(matches!(
            ActionIter::new(&unset(2, 2, 4)).next(),
            Some(Ok(Action::UnsetVar {
                scope: Scope::Response,
                ..
            }))
        ));
        for bytes in [
            unset(0, 2, 4),
            unset(3, 2, 4),
            unset(2, 3, 4),
            unset(2, 2, 5),
        ] {
            let mut actions = ActionIter::new(&bytes);
            let code = bytes[0];
            assert_eq!(actions.next(), Some(Err(DecodeError::UnknownAction(code))));
            assert_eq!(actions.next(), None);
        }
    }
}
