//! Percent-encoding, undone.

use std::borrow::Cow;

/// Replaces each `%` with two hexadecimal digits by the byte that they stand for, and each `+` by a space where
/// that is asked for. What is not such an escape stays as it is. It allocates only if something is replaced.
pub(super) fn decode(bytes: &[u8], plus: bool) -> Cow<'_, [u8]> {
    let is_special = |byte: &u8| *byte == b'%' || (plus && *byte == b'+');
    let Some(first) = bytes.iter().position(is_special) else {
        return Cow::Borrowed(bytes);
    };
    let (before, mut rest) = bytes.split_at_checked(first).unwrap_or((bytes, b""));
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(before);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (b'+', _) if plus => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_everything_else_stays() {
        for (encoded, decoded) in [
            (&b""[..], &b""[..]),
            (b"abc", b"abc"),
            (b"%41%2f%2F%ff%00", b"A//\xff\0"),
            (b"%", b"%"),
            (b"%4", b"%4"),
            (b"%zz%4z%%41", b"%zz%4z%A"),
            (b"\xff+", b"\xff+"),
        ] {
            assert_eq!(decode(encoded, false), decoded, "{encoded:?}");
        }
        assert_eq!(decode(b"a+b%2B", true), &b"a b+"[..]);
        assert!(matches!(decode(b"a+b", false), Cow::Borrowed(_)));
    }
}
