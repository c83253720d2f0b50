//! A cursor over the encodings of SPOE.txt 3.1 in a frame: every read is checked, none allocates.

use super::error::Fault;
use super::{DataType, DecodeError, Value, varint};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The bytes of a frame that are not read yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Fault> {
        let (value, rest) = varint::read(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// A length and that many bytes: a name, a STRING, a BINARY. Short ones are read in place.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Fault> {
        if let Some((&len @ ..240, rest)) = self.rest.split_first() {
            let (bytes, rest) = rest
                .split_at_checked(usize::from(len))
                .ok_or(Fault::Truncated)?;
            self.rest = rest;
            return Ok(bytes);
        }
        self.long_string()
    }

    fn long_string(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| Fault::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads the datum, if it has that type and a usual length. All others are read by
    /// [`Reader::value`].
    #[inline(always)]
    pub(crate) fn likely(&mut self, likely: DataType) -> Option<Value<'a>> {
        let (&head, rest) = self.rest.split_first()?;
        if head & 0x0f != likely.code() {
            return None;
        }
        let mut reader = Reader::new(rest);
        let value = match likely {
            DataType::Bool => Value::Bool(head >> 4 == 1),
            DataType::Int64 => Value::Int64(reader.varint().ok()? as i64),
            DataType::Ipv4 => Value::Ipv4(Ipv4Addr::from(reader.array::<4>().ok()?)),
            DataType::String => Value::String(reader.string().ok()?),
            DataType::Binary => Value::Binary(reader.string().ok()?),
            _ => return None,
        };
        self.rest = reader.rest;
        Some(value)
    }

    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Fault> {
        let head = self.byte()?;
        Ok(match DataType::from_head(head)? {
            DataType::Null => Value::Null,
            // Exactly flag nibble 1 is true: HAProxy reads 0xF1 as false.
            DataType::Bool => Value::Bool(head >> 4 == 1),
            // HAProxy keeps the raw 64 bits whatever the tag; so does a value too wide for its tag.
            DataType::Int32 => {
                let wide = self.varint()? as i64;
                i32::try_from(wide).map_or(Value::Int64(wide), Value::Int32)
            }
            DataType::Uint32 => {
                let wide = self.varint()?;
                u32::try_from(wide).map_or(Value::Uint64(wide), Value::Uint32)
            }
            DataType::Int64 => Value::Int64(self.varint()? as i64),
            DataType::Uint64 => Value::Uint64(self.varint()?),
            DataType::Ipv4 => Value::Ipv4(Ipv4Addr::from(self.array::<4>()?)),
            DataType::Ipv6 => Value::Ipv6(Ipv6Addr::from(self.array::<16>()?)),
            DataType::String => Value::String(self.string()?),
            DataType::Binary => Value::Binary(self.string()?),
        })
    }
}

impl<'a> Value<'a> {
    /// Reads one datum from the front of `input` and returns it with what follows it.
    ///
    /// # Errors
    /// A [`DecodeError`] if `input` ends inside the datum, its type is not one of the ten, or its
    /// integer is too long.
    #[inline]
    pub fn decode(input: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut reader = Reader::new(input);
        let value = reader.value()?;
        Ok((value, reader.rest()))
    }
}
