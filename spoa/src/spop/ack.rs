//! The payload of an ACK (SPOE.txt 3.2.7, 3.4): actions on HAProxy's variables.
//!
//! It does not know which names HAProxy takes; [`crate::handler`] checks those.

use super::{
    DecodeError, Flags, FrameIds, FrameType, FrameWriter, Name, Value, reader::Reader,
    value::string,
};
use std::fmt;

/// Where a variable lives and for how long (SPOE.txt 3.4). The wire has no other scopes, so the enum is
/// complete.
///
/// ```
/// use spoa::spop::Scope;
///
/// assert_eq!(Scope::from_name("sess"), Some(Scope::Session));
/// assert_eq!(Scope::Transaction.to_string(), "txn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `proc`: the whole process. HAProxy takes only names it knows from its configuration.
    Process,
    /// `sess`: the client's connection.
    Session,
    /// `txn`: the transaction, request and response.
    Transaction,
    /// `req`: the request.
    Request,
    /// `res`: the response; one set at a request event is not visible there.
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

    /// The code on the wire.
    #[inline]
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The scope of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.code() == code)
    }

    /// HAProxy's name for it in a variable: `proc`, `sess`, `txn`, `req` or `res`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Process => "proc",
            Scope::Session => "sess",
            Scope::Transaction => "txn",
            Scope::Request => "req",
            Scope::Response => "res",
        }
    }

    /// The scope of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const SET_VAR: u8 = 1;
const UNSET_VAR: u8 = 2;

/// HAProxy takes no longer name.
const SHORT: usize = 63;

/// One action of an ACK. SPOE.txt has no others, so the enum is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Set a variable; [`Value::Null`] unsets it.
    SetVar {
        /// Where.
        scope: Scope,
        /// Its name, without scope and prefix.
        name: Name<'a>,
        /// Its value.
        value: Value<'a>,
    },
    /// Unset a variable.
    UnsetVar {
        /// Where.
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

/// Walks the actions of an ACK's payload; ends after the first error, as HAProxy does.
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

    /// The bytes not walked yet: at first, the whole payload.
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

/// An ACK being appended to a buffer, its actions written in place.
///
/// ```
/// use spoa::spop::{AckWriter, Action, FrameIds, Scope, Value};
///
/// let mut out = Vec::new();
/// let ack = AckWriter::begin(FrameIds { stream_id: 1, frame_id: 1 }, &mut out);
/// Action::SetVar { scope: Scope::Session, name: "ip_score".into(), value: Value::Int32(20) }
///     .encode(&mut out);
/// ack.finish(&mut out);
/// assert_eq!(out.len(), 4 + 7 + 14);
/// ```
#[derive(Debug)]
#[must_use = "without `finish` the frame has no length"]
pub struct AckWriter {
    frame: FrameWriter,
    payload: usize,
}

impl AckWriter {
    /// Appends the head of the ACK to the NOTIFY of these ids; whatever is appended to `out` from
    /// here to [`AckWriter::finish`] is actions.
    #[inline]
    pub fn begin(ids: FrameIds, out: &mut Vec<u8>) -> Self {
        let frame = FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, out);
        AckWriter {
            frame,
            payload: out.len(),
        }
    }

    /// The bytes of the frame so far, without the length prefix.
    #[inline]
    #[must_use]
    pub fn size(&self, out: &[u8]) -> usize {
        self.frame.size(out)
    }

    /// Where in the buffer the frame begins.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.frame.start()
    }

    /// Where in the buffer the actions begin.
    #[inline]
    pub(crate) fn payload(&self) -> usize {
        self.payload
    }

    /// How many bytes of actions fit if the frame is to have at most `limit`.
    #[inline]
    pub(crate) fn room(&self, limit: usize, out: &[u8]) -> usize {
        let head = self.payload - (out.len() - self.size(out));
        limit.saturating_sub(head)
    }

    /// Cuts whole actions from the end until the frame has at most `limit` bytes, but never its head;
    /// returns how many actions are kept. `cut` is shown the others.
    pub(crate) fn cut_to(
        &self,
        limit: usize,
        out: &mut Vec<u8>,
        cut: impl FnMut(&Action<'_>),
    ) -> usize {
        let actions = out.get(self.payload..).unwrap_or_default();
        let (len, kept) = fit(actions, self.room(limit, out), cut);
        out.truncate(self.payload + len);
        kept
    }

    /// Writes the length in front.
    ///
    /// # Panics
    /// If `out` is not the buffer the head was appended to.
    #[inline]
    pub fn finish(self, out: &mut [u8]) {
        self.frame.finish(out);
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_ack_is_cut_between_actions_and_no_earlier_than_it_must(
            texts in proptest::collection::vec(0_usize..300, 0..8),
            stream_id in any::<u64>(),
            before in 0_usize..20,
            at in any::<proptest::sample::Index>(),
            by in -1_isize..=1,
        ) {
            let text = [b'x'; 300];
            let actions = texts.iter().map(|len| Action::SetVar {
                scope: Scope::Transaction,
                name: "text".into(),
                value: Value::String(text.get(..*len).unwrap()),
            });
            // Other frames may be in front of it in the buffer.
            let mut out = vec![0; before];
            let ids = FrameIds { stream_id, frame_id: 1 };
            let ack = AckWriter::begin(ids, &mut out);
            let mut sizes = vec![ack.size(&out)];
            for action in actions.clone() {
                action.encode(&mut out);
                sizes.push(ack.size(&out));
            }
            // A limit that one of the actions just fits, or just does not.
            let limit = at.get(&sizes).saturating_add_signed(by);
            let fitting = sizes.iter().skip(1).filter(|size| **size <= limit).count();

            let mut cut = 0;
            let kept = ack.cut_to(limit, &mut out, |_| cut += 1);
            prop_assert_eq!((kept, cut), (fitting, texts.len() - fitting));
            prop_assert_eq!(ack.size(&out), *sizes.get(fitting).unwrap());
            let left: Result<Vec<_>, _> = ActionIter::new(out.get(ack.payload()..).unwrap()).collect();
            prop_assert_eq!(left.unwrap(), actions.take(fitting).collect::<Vec<_>>());
        }
    }

    #[test]
    fn actions_that_are_none_of_the_specifications_end_the_walk() {
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
