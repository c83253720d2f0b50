//! The ten types that an argument or a variable can have on the wire (SPOE.txt 3.1).

use super::error::Fault;
use std::fmt;

/// The type of a datum: the low nibble of its first byte. SPOE.txt has ten types, so the enum is complete.
///
/// ```
/// use spoa::spop::DataType;
///
/// assert_eq!(DataType::Int64.code(), 4);
/// assert_eq!(DataType::Int64.to_string(), "INT64");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// No value: the sample was not available.
    Null,
    /// A boolean.
    Bool,
    /// A signed 32-bit integer.
    Int32,
    /// An unsigned 32-bit integer.
    Uint32,
    /// A signed 64-bit integer: what HAProxy sends for every integer sample.
    Int64,
    /// An unsigned 64-bit integer.
    Uint64,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Text, in no promised encoding.
    String,
    /// Bytes.
    Binary,
}

impl DataType {
    /// All types, in the order of their codes.
    pub const ALL: [DataType; 10] = [
        DataType::Null,
        DataType::Bool,
        DataType::Int32,
        DataType::Uint32,
        DataType::Int64,
        DataType::Uint64,
        DataType::Ipv4,
        DataType::Ipv6,
        DataType::String,
        DataType::Binary,
    ];

    #[inline]
    pub(crate) fn from_head(head: u8) -> Result<Self, Fault> {
        Ok(match head & 0x0f {
            0 => DataType::Null,
            1 => DataType::Bool,
            2 => DataType::Int32,
            3 => DataType::Uint32,
            4 => DataType::Int64,
            5 => DataType::Uint64,
            6 => DataType::Ipv4,
            7 => DataType::Ipv6,
            8 => DataType::String,
            9 => DataType::Binary,
            code => return Err(Fault::UnknownDataType(code)),
        })
    }

    /// The code on the wire, 0 to 9.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The name SPOE.txt uses: `INT64`, `IPV4`, `STRING`…
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DataType::Null => "NULL",
            DataType::Bool => "BOOL",
            DataType::Int32 => "INT32",
            DataType::Uint32 => "UINT32",
            DataType::Int64 => "INT64",
            DataType::Uint64 => "UINT64",
            DataType::Ipv4 => "IPV4",
            DataType::Ipv6 => "IPV6",
            DataType::String => "STRING",
            DataType::Binary => "BINARY",
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
