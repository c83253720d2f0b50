//! The values that a type takes without rejecting the message.

/// The values that a type takes without a [`Mismatch`](super::Mismatch).
///
/// If an argument does not convert, the agent rejects the message: HAProxy gets no variables, and the request
/// passes unchecked. So the macros refuse a type that does not take everything that a client can put in a
/// sample. A type of your own takes [`SOME`](Accepts::SOME) values unless it declares more:
///
/// ```
/// use spoa::handler::{Accepts, Expected, FromValue, Mismatch};
/// use spoa::prelude::*;
/// use spoa::spop::Value;
///
/// /// The names of the headers of `req.hdrs`.
/// struct Names(Vec<Vec<u8>>);
///
/// impl<'a> FromValue<'a> for Names {
///     const EXPECTED: Expected = Expected::Bytes;
///     // A line without a `:` is left out, so that nothing is refused.
///     const ACCEPTS: Accepts = Accepts::BYTES;
///
///     fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
///         let lines = <&[u8]>::from_value(value)?.split(|byte| *byte == b'\n');
///         let names = lines.filter_map(|line| line.split(|byte| *byte == b':').next());
///         Ok(Names(names.map(<[u8]>::to_vec).collect()))
///     }
/// }
///
/// #[spoe_message("headers")]
/// fn headers(#[arg(sample = "req.hdrs")] names: Names) -> SetVar<usize> {
///     SetVar::transaction("headers", names.0.len())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepts {
    data: Data,
    null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    Some,
    Headers,
    Text,
    Bytes,
    Any,
}

impl Accepts {
    /// Some values of the expected type. For integers, these are all between the limits of
    /// [`Expected::Integer`](super::Expected::Integer); for addresses, all of the family.
    pub const SOME: Accepts = Accepts::new(Data::Some);
    /// All blocks of headers. HAProxy writes them, so a client chooses their content and cannot send a
    /// malformed one. They come from `req.hdrs`, `req.hdrs_bin` and their counterparts for responses, without
    /// converters.
    pub const HEADERS: Accepts = Accepts::new(Data::Headers);
    /// All text that is UTF-8.
    pub const TEXT: Accepts = Accepts::new(Data::Text);
    /// All text and binary.
    pub const BYTES: Accepts = Accepts::new(Data::Bytes);
    /// All values except NULL.
    pub const ANY: Accepts = Accepts::new(Data::Any);

    const fn new(data: Data) -> Self {
        Accepts { data, null: false }
    }

    /// Adds NULL, which HAProxy sends if it has no value, such as that of a missing header.
    #[must_use]
    pub const fn or_null(self) -> Self {
        Accepts {
            data: self.data,
            null: true,
        }
    }

    /// Returns whether the type takes NULL.
    #[must_use]
    pub const fn null(self) -> bool {
        self.null
    }

    /// Returns whether the type takes all text and binary. With `ascii`, it need only take all ASCII.
    pub(crate) const fn bytes(self, ascii: bool) -> bool {
        match self.data {
            Data::Some | Data::Headers => false,
            Data::Text => ascii,
            Data::Bytes | Data::Any => true,
        }
    }

    /// Returns whether the type takes all blocks of headers.
    pub(crate) const fn headers(self) -> bool {
        matches!(self.data, Data::Headers | Data::Bytes | Data::Any)
    }

    pub(crate) const fn any(self) -> bool {
        matches!(self.data, Data::Any)
    }
}
