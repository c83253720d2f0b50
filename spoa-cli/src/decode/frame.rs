//! A frame in words: its head, then its payload.

use super::payload::{Described, PayloadLine, describe};
use spoa::spop::{Flags, Frame, FrameIds, FrameType, LENGTH_PREFIX};
use spoa_tools::terminal::Paint;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The number of invalid bytes that are shown.
const SHOWN: usize = 48;

/// Writes frames, one after the other.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) paint: Paint,
    /// Whether long values are shown whole.
    pub(super) full: bool,
    /// Payloads of NOTIFYs whose last fragment has not come.
    fragments: BTreeMap<FrameIds, Vec<u8>>,
    /// Whether anything was invalid.
    pub(super) nonsense: bool,
}

impl Writer {
    pub(super) fn new(paint: Paint, full: bool) -> Self {
        Writer {
            paint,
            full,
            fragments: BTreeMap::new(),
            nonsense: false,
        }
    }

    /// A frame, its length in front, that begins at this byte of the input. If it was to have more
    /// bytes, as many as `announced` without the length, the bytes that are there are still decoded.
    pub(super) fn frame(&mut self, bytes: &[u8], at: u64, announced: usize) -> String {
        let body = bytes.get(LENGTH_PREFIX..).unwrap_or_default();
        let size = format!("{announced} bytes at {at}");
        let whole = body.len() >= announced;
        let mut out = String::new();
        match Frame::decode(body) {
            Ok(frame) => {
                let title = self.title(&frame);
                let _ = writeln!(out, "{title}  {}", self.paint.dim(&size));
                let offset = bytes.len() - frame.payload.len();
                self.payload(&frame, offset, whole, &mut out);
            }
            Err(error) => {
                let _ = writeln!(
                    out,
                    "{}  {}",
                    self.paint.bold("a frame?"),
                    self.paint.dim(&size)
                );
                self.wrong(&mut out, &format!("its head cannot be read: {error}"), body);
            }
        }
        if !whole {
            let problem = format!(
                "the input ends inside this frame: {} of its {announced} bytes are there",
                body.len()
            );
            self.wrong(&mut out, &problem, &[]);
        }
        out
    }

    /// Returns the NOTIFYs whose last fragment is missing.
    pub(super) fn unfinished(&mut self) -> String {
        let mut out = String::new();
        for (ids, payload) in std::mem::take(&mut self.fragments) {
            let problem = format!(
                "the last fragment of stream {} frame {} is missing; the fragments before it have these messages",
                ids.stream_id, ids.frame_id
            );
            self.wrong(&mut out, &problem, &[]);
            self.lines(&self.messages(&payload), false, &mut out);
        }
        out
    }

    fn messages(&self, payload: &[u8]) -> Described {
        describe(FrameType::NOTIFY, payload, 0, self.full)
    }

    fn title(&self, frame: &Frame<'_>) -> String {
        let mut title = self.paint.bold(&frame.frame_type.to_string());
        if frame.ids != FrameIds::ZERO || !is_about_connection(frame.frame_type) {
            let FrameIds {
                stream_id,
                frame_id,
            } = frame.ids;
            let _ = write!(title, "  stream {stream_id} frame {frame_id}");
        }
        title
    }

    fn payload(&mut self, frame: &Frame<'_>, offset: usize, whole: bool, out: &mut String) {
        let (flags, ids) = (frame.flags, frame.ids);
        if flags.bits() & !3 != 0 {
            let bits = flags.bits() & !3;
            self.note(out, &format!("the flags {bits:#x} are unknown"));
        }
        if is_about_connection(frame.frame_type) && ids != FrameIds::ZERO {
            self.note(out, "its ids must be 0: HAProxy refuses it");
        }
        match frame.frame_type {
            FrameType::NOTIFY | FrameType::UNSET if flags.abort() => {
                let known = self.fragments.remove(&ids).is_some();
                self.note(
                    out,
                    if known {
                        "the sender aborts this NOTIFY (ABORT)"
                    } else {
                        "the sender aborts a NOTIFY (ABORT)"
                    },
                );
            }
            FrameType::NOTIFY if !flags.fin() => {
                self.note(
                    out,
                    "the first fragment: UNSET frames of the same ids bring the rest",
                );
                self.fragments.insert(ids, frame.payload.to_vec());
            }
            FrameType::UNSET => self.fragment(frame, out),
            unknown if !unknown.is_known() => {
                self.note(out, "SPOE.txt has no such type: the peer skips the frame");
            }
            _ => {
                if flags != Flags::FIN {
                    self.note(
                        out,
                        "it must have FIN and no other flag: HAProxy refuses it",
                    );
                }
                let described = describe(frame.frame_type, frame.payload, offset, self.full);
                self.lines(&described, whole, out);
            }
        }
    }

    fn fragment(&mut self, frame: &Frame<'_>, out: &mut String) {
        let Some(begun) = self.fragments.get_mut(&frame.ids) else {
            return self.note(out, "a fragment of a NOTIFY that is not in the input");
        };
        begun.extend_from_slice(frame.payload);
        if !frame.flags.fin() {
            return self.note(out, "one more fragment");
        }
        let payload = self.fragments.remove(&frame.ids).unwrap_or_default();
        let whole = format!(
            "the last fragment; {} bytes of messages in all",
            payload.len()
        );
        self.note(out, &whole);
        self.lines(&self.messages(&payload), true, out);
    }

    /// A part that is not whole ends early, which is said elsewhere.
    fn lines(&mut self, described: &Described, whole: bool, out: &mut String) {
        for line in &described.lines {
            match line {
                PayloadLine::Item { depth, text } => {
                    let _ = writeln!(out, "{}{text}", "  ".repeat(*depth));
                }
                PayloadLine::Note(text) => self.note(out, text),
            }
        }
        if let (Some((nonsense, rest)), true) = (&described.nonsense, whole) {
            let problem = format!("byte {}: {}", nonsense.at, nonsense.problem);
            self.wrong(out, &problem, rest);
        }
    }

    fn note(&self, out: &mut String, text: &str) {
        let _ = writeln!(out, "  {}", self.paint.warn(&format!("# {text}")));
    }

    /// Writes a problem, and the bytes from there on.
    pub(super) fn wrong(&mut self, out: &mut String, problem: &str, rest: &[u8]) {
        self.nonsense = true;
        let _ = writeln!(out, "  {}", self.paint.bad(&format!("! {problem}")));
        if rest.is_empty() {
            return;
        }
        let shown = rest.get(..SHOWN).unwrap_or(rest);
        let hex: String = shown.iter().map(|byte| format!(" {byte:02x}")).collect();
        let more = match rest.len() - shown.len() {
            0 => String::new(),
            more => format!(" … {more} more"),
        };
        let _ = writeln!(
            out,
            "  {}",
            self.paint.dim(&format!("! from there:{hex}{more}"))
        );
    }
}

/// Frames that have no ids: they are about the connection, not about a stream.
fn is_about_connection(frame_type: FrameType) -> bool {
    matches!(
        frame_type,
        FrameType::HAPROXY_HELLO
            | FrameType::HAPROXY_DISCONNECT
            | FrameType::AGENT_HELLO
            | FrameType::AGENT_DISCONNECT
    )
}
