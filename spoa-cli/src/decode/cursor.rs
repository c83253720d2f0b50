//! A payload read item by item, with the position and the reason of its first invalid byte.
//!
//! It knows the encodings, not the frame around them. `spoa::spop` reads faster and checks as
//! much, but does not keep the items before a mistake.

use spoa::spop::{DataType, DecodeError, Name, Value, varint};

/// A position in a payload.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The offset of the bytes in their frame.
    offset: usize,
}

/// The position of the first invalid byte, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nonsense {
    /// The byte of the frame, its length in front included.
    pub(super) at: usize,
    pub(super) problem: String,
}

/// A datum, with what its first byte said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datum<'a> {
    pub(super) data_type: DataType,
    pub(super) flags: u8,
    pub(super) value: Value<'a>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Cursor {
            bytes,
            at: 0,
            offset,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8, Nonsense> {
        let byte = self.rest().first().copied();
        let byte = byte.ok_or_else(|| self.nonsense(format!("the bytes end before {what}")))?;
        self.at += 1;
        Ok(byte)
    }

    /// A length and as many bytes.
    pub(super) fn name(&mut self, what: &str) -> Result<Name<'a>, Nonsense> {
        self.bytes_of(what).map(Name::from)
    }

    pub(super) fn datum(&mut self, what: &str) -> Result<Datum<'a>, Nonsense> {
        let head = self.byte(&format!("the type of {what}"))?;
        let data_type = DataType::ALL.get(usize::from(head & 0x0f)).copied();
        let before = self.at - 1;
        match Value::decode(self.bytes.get(before..).unwrap_or_default()) {
            Ok((value, rest)) => {
                self.at = self.bytes.len() - rest.len();
                Ok(Datum {
                    data_type: data_type.unwrap_or(value.data_type()),
                    flags: head >> 4,
                    value,
                })
            }
            Err(error) => {
                self.at = before;
                // The length of a string says more than that something is missing.
                if let (Some(DataType::String | DataType::Binary), DecodeError::Truncated) =
                    (data_type, error)
                {
                    self.at += 1;
                    self.bytes_of(what)?;
                }
                let kind = data_type.map_or(String::new(), |kind| format!(" ({kind})"));
                Err(self.nonsense(match error {
                    DecodeError::Truncated => format!("the bytes end inside {what}{kind}"),
                    error => format!("{what}{kind}: {error}"),
                }))
            }
        }
    }

    fn bytes_of(&mut self, what: &str) -> Result<&'a [u8], Nonsense> {
        let (len, rest) = varint::decode(self.rest()).map_err(|error| {
            self.nonsense(match error {
                DecodeError::Truncated => format!("the bytes end before the length of {what}"),
                error => format!("the length of {what}: {error}"),
            })
        })?;
        let bytes = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let bytes = bytes.ok_or_else(|| {
            let left = rest.len();
            self.nonsense(format!(
                "{what} should have {len} bytes, and {left} are left"
            ))
        })?;
        self.at = self.bytes.len() - rest.len() + bytes.len();
        Ok(bytes)
    }

    pub(super) fn nonsense(&self, problem: String) -> Nonsense {
        Nonsense {
            at: self.offset + self.at,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> (usize, String) {
        let nonsense = Cursor::new(bytes, 10).datum("`ip`").unwrap_err();
        (nonsense.at, nonsense.problem)
    }

    #[test]
    fn items_are_read_one_after_the_other() {
        let mut cursor = Cursor::new(b"\x02ip\x06\x7f\x00\x00\x01\x11\x05", 0);
        assert!(cursor.name("a name").unwrap() == "ip");
        let datum = cursor.datum("`ip`").unwrap();
        assert_eq!(datum.value, Value::Ipv4([127, 0, 0, 1].into()));
        let datum = cursor.datum("a flag").unwrap();
        assert_eq!((datum.flags, datum.value), (1, Value::Bool(true)));
        assert_eq!(cursor.byte("a count"), Ok(5));
        assert!(cursor.is_empty());
    }

    #[test]
    fn the_position_and_reason_of_an_invalid_byte_are_reported() {
        assert_eq!(
            problem(b""),
            (10, "the bytes end before the type of `ip`".to_owned())
        );
        assert_eq!(
            problem(b"\x06\x7f"),
            (10, "the bytes end inside `ip` (IPV4)".to_owned())
        );
        assert_eq!(
            problem(b"\x0a"),
            (
                10,
                "`ip`: 10 is not a data type (SPOE.txt 3.1 has 0 to 9)".to_owned()
            )
        );
        assert_eq!(
            problem(b"\x08\x05abc"),
            (11, "`ip` should have 5 bytes, and 3 are left".to_owned())
        );
        assert_eq!(
            problem(b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            (
                10,
                "`ip` (INT64): an integer is longer than 64 bits".to_owned()
            )
        );
    }
}
