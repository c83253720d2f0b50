//! The payload of an ACK (SPOE.txt 3.2.7), written into the frame.

use super::action::fit;
use super::frame::OpenFrame;
use super::{Action, Flags, FrameIds, FrameType, FrameWriter};

/// Appends an ACK to a buffer, action by action.
///
/// ```
/// use spoa::spop::{AckWriter, Action, FrameIds, Scope, Value};
///
/// let mut out = Vec::new();
/// let mut ack = AckWriter::begin(FrameIds { stream_id: 1, frame_id: 1 }, &mut out);
/// ack.action(&Action::SetVar { scope: Scope::Session, name: "ip_score".into(), value: Value::Int32(20) });
/// ack.finish();
/// assert_eq!(out.len(), 4 + 7 + 14);
/// ```
#[derive(Debug)]
#[must_use = "without `finish` the frame has no length"]
pub struct AckWriter<'a>(FrameWriter<'a>);

impl<'a> AckWriter<'a> {
    /// Appends the head of the ACK to the NOTIFY of these ids.
    #[inline]
    pub fn begin(ids: FrameIds, out: &'a mut Vec<u8>) -> Self {
        AckWriter(FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, out))
    }

    /// Appends an action.
    #[inline]
    pub fn action(&mut self, action: &Action<'_>) -> &mut Self {
        action.encode(self.0.out());
        self
    }

    /// Returns the size of the frame so far, in bytes without the length prefix.
    #[must_use]
    #[inline]
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Writes the length of the frame in front of it.
    #[inline]
    pub fn finish(self) {
        self.0.finish();
    }
}

/// An ACK that is being appended to a buffer, which its writer passes to each call.
#[derive(Debug)]
#[must_use = "without `finish` the frame has no length"]
pub(crate) struct OpenAck {
    frame: OpenFrame,
    payload: usize,
}

impl OpenAck {
    /// Appends the head of the ACK to the NOTIFY of these ids. All that is appended to `out` before
    /// [`OpenAck::finish`] is actions.
    #[inline]
    pub(crate) fn begin(ids: FrameIds, out: &mut Vec<u8>) -> Self {
        let frame = OpenFrame::begin(FrameType::ACK, Flags::FIN, ids, out);
        OpenAck {
            frame,
            payload: out.len(),
        }
    }

    /// Returns the size of the frame so far, in bytes without the length prefix.
    #[inline]
    pub(crate) fn size(&self, out: &[u8]) -> usize {
        self.frame.size(out)
    }

    /// Returns where in the buffer the frame begins.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.frame.start()
    }

    /// Returns where in the buffer the actions begin.
    #[inline]
    pub(crate) fn payload(&self) -> usize {
        self.payload
    }

    /// Returns how many bytes of actions fit into a frame of at most `limit` bytes.
    #[inline]
    pub(crate) fn room(&self, limit: usize, out: &[u8]) -> usize {
        let head = self.payload - (out.len() - self.size(out));
        limit.saturating_sub(head)
    }

    /// Cuts whole actions from the end until the frame has at most `limit` bytes, but never its head.
    /// Calls `cut` with each of them, and returns how many actions are kept.
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

    /// Writes the length of the frame in front of it.
    ///
    /// # Panics
    /// If `out` is not the buffer the head was appended to.
    #[inline]
    pub(crate) fn finish(self, out: &mut [u8]) {
        self.frame.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::{ActionIter, Scope, Value};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_ack_is_cut_between_actions_and_as_late_as_possible(
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
            let ack = OpenAck::begin(ids, &mut out);
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
}
