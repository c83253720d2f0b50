//! HAProxy's two encodings of a block of headers: lengths and bytes, and lines.

use crate::handler::Mismatch;
use crate::spop::varint;
use memchr::memchr;

/// HAProxy's encodings of a block of headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Lengths and bytes.
    #[default]
    Binary,
    /// Lines.
    Text,
}

/// The first byte of a length that takes several.
pub(super) const LONG: u8 = 240;

/// Returns where the string that begins at `at` ends: after the end of the block if it is cut.
#[inline(always)]
pub(super) fn end_of_string(block: &[u8], at: usize) -> Option<usize> {
    // Nearly all lengths have one byte, and those below 2288 have two.
    match *block.get(at..)? {
        [len @ ..LONG, ..] => Some(at + 1 + usize::from(len)),
        [low, high @ ..128, ..] => Some(at + 2 + usize::from(low) + (usize::from(high) << 4)),
        _ => end_of_long_string(block, at),
    }
}

#[inline(never)]
fn end_of_long_string(block: &[u8], at: usize) -> Option<usize> {
    let (_, rest) = read_long_string(block.get(at..)?)?;
    Some(block.len() - rest.len())
}

#[inline]
pub(super) fn read_binary(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = read_string(block)?;
    let (value, rest) = read_string(rest)?;
    Some((name, value, rest))
}

#[inline(always)]
fn read_string(block: &[u8]) -> Option<(&[u8], &[u8])> {
    match block.split_first()? {
        (&len, rest) if len < LONG => rest.split_at_checked(usize::from(len)),
        _ => read_long_string(block),
    }
}

#[inline(never)]
fn read_long_string(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = varint::decode(block).ok()?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

#[inline]
pub(super) fn read_text(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    // No value has a line end in it.
    let end = memchr(b'\n', block)?;
    let (line, rest) = (block.get(..end)?, block.get(end + 1..)?);
    let line = line.strip_suffix(b"\r")?;
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.strip_prefix(b": ")?;
    Some((name, value, rest))
}

/// Returns why a binary block is not whole.
#[cold]
pub(super) fn fault(block: &[u8]) -> Mismatch {
    let mut rest = block;
    while let Some((name, _, after)) = read_binary(rest) {
        if name.is_empty() {
            return malformed();
        }
        rest = after;
    }
    cut(rest)
}

/// Returns why a block in lines is not whole.
#[cold]
pub(super) fn text_fault(rest: &[u8]) -> Mismatch {
    if rest.is_empty() {
        return cut(rest);
    }
    Mismatch::Other(
        "it is not lines `name: value`, each with CR LF, and an empty line after the last"
            .to_owned(),
    )
}

#[cold]
fn cut(rest: &[u8]) -> Mismatch {
    if rest.is_empty() {
        Mismatch::Other("the block of headers has no end: it was cut".to_owned())
    } else {
        malformed()
    }
}

#[cold]
fn malformed() -> Mismatch {
    Mismatch::Other("it is not a whole block of headers".to_owned())
}
