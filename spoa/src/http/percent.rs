//! Decodes percent-encoding.

use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Replaces each `%` with two hexadecimal digits by the byte that they encode, and, if `plus`, each `+` by a space.
/// Keeps all other bytes. Allocates only if something is replaced.
pub(super) fn decode(bytes: &[u8], plus: bool) -> Cow<'_, [u8]> {
    if !plus || !bytes.contains(&b'+') {
        return percent_decode(bytes).into();
    }
    let space = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    let spaced: Vec<u8> = bytes.iter().map(space).collect();
    Cow::Owned(percent_decode(&spaced).collect())
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
