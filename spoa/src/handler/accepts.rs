//! The values that a type takes without a rejection, so that no client can have a message rejected.

/// What a type takes without a [`Mismatch`](super::Mismatch), whatever a client sends.
///
/// A message with an argument that its handler does not take is rejected: HAProxy gets no answer, and
/// what the handler checks is not checked. So the macros refuse a type that does not take all that a
/// client can put in a sample. A type of your own takes [`SOME`](Accepts::SOME) values unless it says more:
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
    /// Some values of the type that it expects. Of integers these are all between the bounds of
    /// [`Expected::Integer`](super::Expected::Integer), of addresses all of the family.
    pub const SOME: Accepts = Accepts::new(Data::Some);
    /// All blocks of headers. HAProxy writes them, so that a client cannot make one that is not whole: it
    /// chooses what is in them, and `req.hdrs`, `req.hdrs_bin` and their siblings for responses are taken
    /// without converters only.
    pub const HEADERS: Accepts = Accepts::new(Data::Headers);
    /// All text that is UTF-8.
    pub const TEXT: Accepts = Accepts::new(Data::Text);
    /// All text and binary.
    pub const BYTES: Accepts = Accepts::new(Data::Bytes);
    /// All values but NULL.
    pub const ANY: Accepts = Accepts::new(Data::Any);

    const fn new(data: Data) -> Self {
        Accepts { data, null: false }
    }

    /// NULL as well, which HAProxy sends where it has no value: for a header that is not there.
    #[must_use]
    pub const fn or_null(self) -> Self {
        Accepts {
            data: self.data,
            null: true,
        }
    }

    /// Whether it takes NULL.
    #[must_use]
    pub const fn null(self) -> bool {
        self.null
    }

    /// Whether it takes all text and binary, or as much of that as is ASCII.
    pub(crate) const fn bytes(self, ascii: bool) -> bool {
        match self.data {
            Data::Some | Data::Headers => false,
            Data::Text => ascii,
            Data::Bytes | Data::Any => true,
        }
    }

    /// Whether it takes all blocks of headers.
    pub(crate) const fn headers(self) -> bool {
        matches!(self.data, Data::Headers | Data::Bytes | Data::Any)
    }

    pub(crate) const fn any(self) -> bool {
        matches!(self.data, Data::Any)
    }
}
