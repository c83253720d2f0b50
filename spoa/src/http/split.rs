//! Splits bytes at a separator.

use memchr::memchr;

/// Splits bytes at the first byte `at`, which is in neither part. Without one, all bytes are before it.
#[inline]
pub(super) fn split(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match memchr(at, bytes) {
        Some(place) => (
            bytes.get(..place).unwrap_or_default(),
            bytes.get(place + 1..),
        ),
        None => (bytes, None),
    }
}
