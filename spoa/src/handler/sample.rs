//! Whether what a sample of HAProxy's gives becomes what a parameter takes, decided while the user's
//! program compiles.
//!
//! It must not know which expression gives what: the macros say so.

use super::Expected;

/// A set of events, a bit for each.
pub type Events = u8;

/// What holds or does not: `bool`, whatever that name means where the macros are used.
pub type Flag = bool;

/// What a sample expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// What its value will show.
    Anything,
    /// A boolean.
    Bool,
    /// An integer.
    Integer,
    /// An address of either family.
    Address,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Text or binary.
    Bytes,
}

/// Whether it becomes what a parameter takes, as `FromValue` of the library's types converts. Of a type
/// of the user's own that says no more than words, nothing is known.
#[must_use]
pub const fn suits(gives: Gives, expected: Expected) -> bool {
    use Gives::{Address, Anything, Bool, Bytes, Integer, Ipv4, Ipv6};
    match expected {
        Expected::Any | Expected::Other(_) => true,
        Expected::Bool => matches!(gives, Anything | Bool | Integer),
        Expected::Integer { .. } => matches!(gives, Anything | Integer),
        // Text may read as an address.
        Expected::Address => matches!(gives, Anything | Address | Ipv4 | Ipv6 | Bytes),
        Expected::Ipv4 => matches!(gives, Anything | Address | Ipv4 | Bytes),
        Expected::Ipv6 => matches!(gives, Anything | Address | Ipv6 | Bytes),
        Expected::Text | Expected::Bytes => matches!(gives, Anything | Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::FromValue;
    use crate::spop::Value;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    /// Whether any of the values becomes the type.
    fn becomes<'a, T: FromValue<'a>>(values: &[Value<'a>]) -> bool {
        values.iter().any(|value| T::from_value(*value).is_ok())
    }

    #[test]
    fn it_suits_what_converts() {
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
        let given: [(Gives, &[Value<'static>]); 6] = [
            (Gives::Bool, &[Value::Bool(true)]),
            (Gives::Integer, &[Value::Int64(1)]),
            (Gives::Address, &[v4, v6]),
            (Gives::Ipv4, &[v4]),
            (Gives::Ipv6, &[v6]),
            (Gives::Bytes, &texts),
        ];
        for (gives, values) in given {
            macro_rules! check {
                ($($ty:ty),*) => {$(
                    assert_eq!(
                        suits(gives, <$ty>::EXPECTED),
                        becomes::<$ty>(values),
                        "{gives:?} {}",
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
}
