//! Whether a sample of HAProxy suits a parameter, decided while the user's program compiles.

use super::{Accepts, Expected};
use spoa_facts::Kind;

/// A set of events, a bit for each.
pub type Events = u8;

/// The primitive type `bool`, whatever that name means where the macros are used.
pub type Flag = bool;

/// Returns whether `FromValue` converts a sample to the type of a parameter. A type with
/// [`Expected::Other`] may take any sample.
#[must_use]
pub const fn suits(kind: Kind, expected: Expected) -> bool {
    expected.known().suits(kind)
}

/// The values that a client can put in a sample.
#[derive(Clone, Copy, Debug)]
pub struct ClientValues {
    /// The type of the sample.
    pub kind: Kind,
    /// The smallest and the largest integer, if the sample gives integers.
    pub integers: (i64, i64),
    /// Whether the text is ASCII only.
    pub ascii: bool,
    /// Whether the sample is a whole block of headers.
    pub block: bool,
}

impl ClientValues {
    /// Returns whether a type takes all of these values. Returns `true` for a type that does not suit the sample at
    /// all, since another check reports that.
    #[must_use]
    pub const fn converts(self, expected: Expected, accepts: Accepts) -> bool {
        if accepts.any() || !suits(self.kind, expected) {
            return true;
        }
        match self.kind {
            Kind::Bool => matches!(expected, Expected::Bool),
            Kind::Sint => match expected {
                Expected::Integer { min, max } => {
                    min <= self.integers.0 as i128 && self.integers.1 as i128 <= max
                }
                Expected::Bool => self.integers.0 >= 0 && self.integers.1 <= 1,
                _ => false,
            },
            Kind::Addr => matches!(expected, Expected::Address),
            Kind::Ipv4 => matches!(expected, Expected::Address | Expected::Ipv4),
            Kind::Ipv6 => matches!(expected, Expected::Address | Expected::Ipv6),
            Kind::Str | Kind::Bin if self.block => accepts.headers(),
            Kind::Str | Kind::Bin | Kind::Meth => accepts.bytes(self.ascii),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{FromValue, Mismatch, Parse, Text};
    use crate::spop::Value;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// Whether any of the values becomes the type.
    fn becomes<'a, T: FromValue<'a>>(values: &[Value<'a>]) -> bool {
        values.iter().any(|value| T::from_value(*value).is_ok())
    }

    #[test]
    fn a_sample_suits_a_type_if_one_of_its_values_converts() {
        let (v4, v6) = (
            Value::Ipv4(Ipv4Addr::LOCALHOST),
            Value::Ipv6(Ipv6Addr::LOCALHOST),
        );
        let texts = [
            Value::from("a"),
            Value::from("127.0.0.1"),
            Value::from("::1"),
            Value::Binary(b"a"),
        ];
        let given: [(Kind, &[Value<'static>]); 6] = [
            (Kind::Bool, &[Value::Bool(true)]),
            (Kind::Sint, &[Value::Int64(1)]),
            (Kind::Addr, &[v4, v6]),
            (Kind::Ipv4, &[v4]),
            (Kind::Ipv6, &[v6]),
            (Kind::Str, &texts),
        ];
        for (kind, values) in given {
            macro_rules! check {
                ($($ty:ty),*) => {$(
                    assert_eq!(
                        suits(kind, <$ty>::EXPECTED),
                        becomes::<$ty>(values),
                        "{kind:?} {}",
                        stringify!($ty)
                    );
                )*};
            }
            check!(
                bool,
                u8,
                i64,
                IpAddr,
                Ipv4Addr,
                Ipv6Addr,
                &str,
                String,
                &[u8],
                Vec<u8>
            );
        }
    }

    /// Whether a client can have no message rejected.
    macro_rules! converts {
        ($client:expr, $($ty:ty)*) => {[$(
            $client.converts(<$ty>::EXPECTED, <$ty>::ACCEPTS)
        ),*]};
    }

    #[test]
    fn text_of_clients_needs_a_type_that_takes_all_of_it() {
        let client = |ascii| ClientValues {
            kind: Kind::Str,
            integers: (i64::MIN, i64::MAX),
            ascii,
            block: false,
        };
        let takes = converts!(client(false), &[u8] Vec<u8> Text<'_> Option<Text<'_>> Value<'_>
            Result<&str, Mismatch> Option<Result<IpAddr, Mismatch>>);
        assert_eq!(takes, [true; 7]);
        let refuses = converts!(client(false), &str String Option<&str> IpAddr Parse<u8>
            std::borrow::Cow<'_, str>);
        assert_eq!(refuses, [false; 6]);
        let ascii = converts!(client(true), &str String Option<&str> IpAddr Parse<u8>);
        assert_eq!(ascii, [true, true, true, false, false]);
    }

    #[test]
    fn integers_and_addresses_of_clients_need_a_type_for_all_values() {
        let integers = |least, greatest| ClientValues {
            kind: Kind::Sint,
            integers: (least, greatest),
            ascii: true,
            block: false,
        };
        let size = converts!(integers(0, i64::MAX), u64 i64 Option<u64> u32 u8 bool Value<'_>);
        assert_eq!(size, [true, true, true, false, false, false, true]);
        assert_eq!(converts!(integers(-6, 6), i8 u64), [true, false]);
        assert_eq!(converts!(integers(0, 1), bool u8), [true, true]);
        let address = ClientValues {
            kind: Kind::Addr,
            ..integers(0, 0)
        };
        let addresses = converts!(address, IpAddr Option<IpAddr> Ipv4Addr Ipv6Addr Parse<u8>);
        assert_eq!(addresses, [true, true, false, false, false]);
        // An unsuitable type is another mistake.
        assert_eq!(converts!(address, u8), [true]);
    }

    #[test]
    fn samples_that_a_client_can_leave_out_need_a_type_that_takes_null() {
        macro_rules! null {
            ($($ty:ty)*) => {[$(<$ty>::ACCEPTS.null()),*]};
        }
        let takes = null!(Option<u8> Text<'_> Value<'_> Result<u8, Mismatch> Option<IpAddr>);
        assert_eq!(takes, [true; 5]);
        assert_eq!(null!(&str &[u8] u8 IpAddr Parse<u8> String), [false; 6]);
    }
}
