//! Both encodings of headers, compared with an encoder of the tests' own, and the cost of reading them.

use allocation_counter::measure;
use proptest::prelude::*;
use spoa::handler::FromValue;
use spoa::http::{Headers, Host, Path, Query};
use spoa::spop::Value;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// An integer as the SPOE specification's section 3.1 has it, written from its text.
fn integer(mut value: u64, out: &mut Vec<u8>) {
    if value < 240 {
        out.push(value as u8);
        return;
    }
    out.push(value as u8 | 240);
    value = (value - 240) >> 4;
    while value >= 128 {
        out.push(value as u8 | 128);
        value = (value - 128) >> 7;
    }
    out.push(value as u8);
}

pub(crate) fn binary(pairs: &Pairs) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in pairs {
        for part in [name, value] {
            integer(part.len() as u64, &mut block);
            block.extend_from_slice(part);
        }
    }
    block.extend_from_slice(&[0, 0]);
    block
}

pub(crate) fn text(pairs: &Pairs) -> Vec<u8> {
    let lines = pairs
        .iter()
        .flat_map(|(name, value)| [name, &b": "[..], value, b"\r\n"].concat());
    lines.chain(*b"\r\n").collect()
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let name = proptest::collection::vec(
        proptest::sample::select(&b"abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~"[..]),
        1..300,
    );
    // HAProxy lets everything through but line ends and NUL.
    let byte = any::<u8>().prop_filter("no line end", |byte| !b"\r\n\0".contains(byte));
    proptest::collection::vec((name, proptest::collection::vec(byte, 0..600)), 0..40)
}

proptest! {
    #[test]
    fn an_encoded_block_is_read_back(pairs in pairs()) {
        let (binary, text) = (binary(&pairs), text(&pairs));
        for value in [Value::Binary(&binary), Value::String(&text)] {
            let headers = Headers::from_value(value).unwrap();
            prop_assert_eq!(headers.len(), pairs.len());
            let read: Pairs = headers.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(&read, &pairs);
            for (name, _) in &pairs {
                let name = std::str::from_utf8(name).unwrap().to_uppercase();
                let mut expected = pairs.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
                prop_assert_eq!(headers.get(&name), expected.next().map(|(_, v)| &v[..]));
            }
        }
    }

    #[test]
    fn a_block_that_was_cut_is_refused(pairs in pairs(), at in any::<prop::sample::Index>()) {
        let (binary, text) = (binary(&pairs), text(&pairs));
        prop_assert!(Headers::from_block(&binary[..at.index(binary.len())]).is_err());
        prop_assert!(Headers::from_text(&text[..at.index(text.len())]).is_err());
    }

    /// No input causes a panic, and all headers that are read are in the input.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        spoa_tests::invariants::header_blocks(&bytes);
    }
}

#[test]
fn headers_and_cookies_are_read_without_allocating() {
    let mut all: Pairs = (0..20)
        .map(|n| (format!("x-header-{n}").into_bytes(), vec![b'v'; 60]))
        .collect();
    all.push((b"cookie".to_vec(), b"a=1; b=2".to_vec()));
    let (binary, text) = (binary(&all), text(&all));
    for value in [Value::Binary(&binary), Value::String(&text)] {
        let counted = measure(|| {
            let headers = Headers::from_value(value).unwrap();
            assert!(headers.get("x-header-7").is_some() && headers.get("X-HEADER-19").is_some());
            assert_eq!(headers.cookies().get("b"), Some(&b"2"[..]));
            assert_eq!(headers.get_all("none").count(), 0);
            let path = Path::new(b"/a/b").segments().count();
            assert_eq!(path, 2);
            assert!(Query::new(b"a=1&b=2").get("b").is_some());
            assert_eq!(Host::new(b"example.org:80").name(), "example.org");
        });
        assert_eq!(counted.count_total, 0);
    }
}
