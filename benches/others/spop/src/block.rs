//! Blocks of headers, as `req.hdrs_bin` encodes them.

/// Returns the value of a cookie.
pub fn cookie<'a>(block: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let cookies = headers(block).filter(|(name, _)| *name == b"cookie");
    let mut parts = cookies.flat_map(|(_, value)| value.split(|byte| *byte == b';'));
    parts.find_map(|part| part.trim_ascii().strip_prefix(wanted)?.strip_prefix(b"="))
}

/// Returns the names and values.
pub fn headers(mut block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (name, rest) = string(block)?;
        let (value, rest) = string(rest)?;
        block = rest;
        (!name.is_empty()).then_some((name, value))
    })
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = varint(bytes)?;
    rest.split_at_checked(size)
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut number = usize::from(*first);
    if number < 240 {
        return Some((number, rest));
    }
    let mut shift = 4;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        number += usize::from(*byte) << shift;
        shift += 7;
        if *byte < 128 {
            return Some((number, rest));
        }
    }
}
