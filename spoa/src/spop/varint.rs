//! The variable-length integers of SPOP (SPOE.txt 3.1): one byte below 240, up to ten above.
//!
//! It knows nothing of what the numbers mean.

use super::DecodeError;
use super::error::Fault;

/// The most bytes one encoded `u64` takes.
pub const MAX_LEN: usize = 10;

/// Reads one integer from the front of `input` and returns it with what follows it.
///
/// # Errors
/// [`DecodeError::Truncated`] if `input` ends inside the integer, [`DecodeError::VarintOverflow`] if
/// it is longer than [`MAX_LEN`] bytes or does not fit in 64 bits.
///
/// ```
/// use spoa::spop::varint;
///
/// let (value, rest) = varint::decode(&[0xf0, 0x00, 0x2a]).unwrap();
/// assert_eq!((value, rest), (240, &[0x2a][..]));
/// ```
#[inline]
pub fn decode(input: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    Ok(read(input)?)
}

#[inline]
pub(crate) fn read(input: &[u8]) -> Result<(u64, &[u8]), Fault> {
    match input.split_first() {
        Some((&first, rest)) if first < 240 => Ok((u64::from(first), rest)),
        Some((&first, rest)) => read_long(first, rest),
        None => Err(Fault::Truncated),
    }
}

fn read_long(first: u8, mut rest: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut value = u64::from(first);
    // Bytes are added, not or-ed: each carries its continuation bit into the next group's range.
    for shift in (4..=53).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Fault::Truncated)?;
        rest = after;
        value += u64::from(byte) << shift;
        if byte < 128 {
            return Ok((value, rest));
        }
    }
    let (&last, rest) = rest.split_first().ok_or(Fault::Truncated)?;
    if last > 15 {
        return Err(Fault::VarintOverflow);
    }
    value
        .checked_add(u64::from(last) << 60)
        .map(|v| (v, rest))
        .ok_or(Fault::VarintOverflow)
}

/// Appends `value` to `out`.
///
/// ```
/// let mut out = Vec::new();
/// spoa::spop::varint::encode(240, &mut out);
/// assert_eq!(out, [0xf0, 0x00]);
/// ```
#[inline]
pub fn encode(value: u64, out: &mut Vec<u8>) {
    if value < 240 {
        out.push(value as u8);
    } else {
        encode_long(value, out);
    }
}

fn encode_long(value: u64, out: &mut Vec<u8>) {
    out.push(value as u8 | 0xf0);
    let mut rest = (value - 240) >> 4;
    while rest >= 128 {
        out.push(rest as u8 | 0x80);
        rest = (rest - 128) >> 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: u64) -> usize {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        assert_eq!(
            decode(&bytes),
            Ok((value, &[][..])),
            "{value} as {bytes:02x?}"
        );
        bytes.len()
    }

    #[test]
    fn lengths_change_at_the_numbers_of_the_specification() {
        let borders = [
            240,
            2288,
            264_432,
            33_818_864,
            4_328_786_160,
            554_084_600_048,
            70_922_828_777_712,
            9_078_122_083_518_704,
            1_161_999_626_690_365_680,
        ];
        for (index, border) in borders.into_iter().enumerate() {
            assert_eq!(round_trip(border - 1), index + 1);
            assert_eq!(round_trip(border), index + 2);
            assert_eq!(round_trip(border + 1), index + 2);
        }
        assert_eq!(round_trip(0), 1);
        assert_eq!(round_trip(i64::MIN as u64), MAX_LEN);
        assert_eq!(round_trip(u64::MAX), MAX_LEN);
    }

    #[test]
    fn an_integer_that_does_not_fit_64_bits_is_an_error() {
        let mut past_max = Vec::new();
        encode(u64::MAX, &mut past_max);
        if let Some(last) = past_max.last_mut() {
            *last += 1;
        }
        assert_eq!(decode(&past_max), Err(DecodeError::VarintOverflow));
        assert_eq!(decode(&[0xff; 20]), Err(DecodeError::VarintOverflow));
    }

    #[test]
    fn a_truncated_integer_is_an_error() {
        assert_eq!(decode(&[]), Err(DecodeError::Truncated));
        for len in 1..MAX_LEN {
            assert_eq!(
                decode(&vec![0xff; len]),
                Err(DecodeError::Truncated),
                "{len} bytes"
            );
        }
    }
}
