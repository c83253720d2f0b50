//! The conversion of a Rust value to a variable of HAProxy.

use super::{ActionWriter, Failure, IntoHandlerError, Presence};
use crate::spop::{Scope, Value};
use bytes::Bytes;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A type whose values HAProxy's variables can hold.
///
/// In HAProxy, integers are signed and 64 bits wide: a `u64` of 2^63 or more becomes negative there.
///
/// ```
/// use spoa::handler::AsValue;
/// use spoa::spop::Value;
///
/// assert_eq!((-5i32).as_value(), Value::Int32(-5));
/// assert_eq!("bot".as_value(), Value::String(b"bot"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that a variable of HAProxy can hold",
    label = "not a value",
    note = "variables hold `bool`, integers up to 64 bits, `IpAddr`, `Ipv4Addr`, `Ipv6Addr`, `&str`, `String`, `Cow<str>`, `&[u8]`, `Vec<u8>`, `Bytes` and `Value`; `Option` of these leaves the variable alone for `None`",
    note = "send a number with a fraction as text, or as an integer of thousandths",
    note = "for a type of your own, `impl AsValue`"
)]
pub trait AsValue {
    /// Returns the value that is sent to HAProxy.
    fn as_value(&self) -> Value<'_>;

    /// Returns whether each value sets a variable: [`Value::Null`] unsets it.
    #[doc(hidden)]
    fn presence() -> Presence
    where
        Self: Sized,
    {
        Presence::Unknown
    }
}

macro_rules! values {
    ($($rust:ty: $value:ident => $wire:expr $(, $presence:ident)?;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl AsValue for $rust {
            #[inline]
            fn as_value(&self) -> Value<'_> {
                let $value = self;
                $wire
            }

            $(fn presence() -> Presence {
                Presence::$presence
            })?
        }
    )*};
}

values! {
    bool: v => Value::Bool(*v), Always;
    i8: v => Value::Int32(i32::from(*v)), Always;
    i16: v => Value::Int32(i32::from(*v)), Always;
    i32: v => Value::Int32(*v), Always;
    i64: v => Value::Int64(*v), Always;
    isize: v => Value::Int64(*v as i64), Always;
    u8: v => Value::Uint32(u32::from(*v)), Always;
    u16: v => Value::Uint32(u32::from(*v)), Always;
    u32: v => Value::Uint32(*v), Always;
    u64: v => Value::Uint64(*v), Always;
    usize: v => Value::Uint64(*v as u64), Always;
    Ipv4Addr: v => Value::Ipv4(*v), Always;
    Ipv6Addr: v => Value::Ipv6(*v), Always;
    IpAddr: v => Value::from(*v), Always;
    str: v => Value::from(v);
    String: v => Value::from(v.as_str()), Always;
    Cow<'_, str>: v => Value::from(&**v), Always;
    [u8]: v => Value::Binary(v);
    Vec<u8>: v => Value::Binary(v), Always;
    Cow<'_, [u8]>: v => Value::Binary(v), Always;
    Bytes: v => Value::Binary(v), Always;
    Value<'_>: v => *v;
}

#[diagnostic::do_not_recommend]
impl<T: AsValue> AsValue for &T {
    #[inline]
    fn as_value(&self) -> Value<'_> {
        (**self).as_value()
    }

    fn presence() -> Presence {
        T::presence()
    }
}

values! {
    &str: v => Value::from(*v), Always;
    &[u8]: v => Value::Binary(v), Always;
    &(dyn AsValue + '_): v => (**v).as_value();
}

/// Unsets the variable that it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unset;

/// A type that can be written to a variable: a value sets the variable, `None` leaves it as it is, [`Unset`]
/// unsets it, and the `Err` of a `Result` fails the handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that a variable of HAProxy can hold",
    label = "not a value",
    note = "variables hold `bool`, integers up to 64 bits, `IpAddr`, `Ipv4Addr`, `Ipv6Addr`, `&str`, `String`, `Cow<str>`, `&[u8]`, `Vec<u8>`, `Bytes` and `Value`; `Option` of these leaves the variable alone for `None`",
    note = "send a number with a fraction as text, or as an integer of thousandths",
    note = "for a type of your own, `impl AsValue`"
)]
pub trait Variable {
    /// Appends the action, if any.
    ///
    /// # Errors
    /// The [`Failure`] of the handler.
    fn write(self, scope: Scope, name: &str, out: &mut ActionWriter<'_>) -> Result<(), Failure>;

    /// Returns whether each success sets the variable.
    #[doc(hidden)]
    #[must_use]
    fn presence() -> Presence
    where
        Self: Sized,
    {
        Presence::Unknown
    }
}

#[diagnostic::do_not_recommend]
impl<T: AsValue> Variable for T {
    #[inline(always)]
    fn write(self, scope: Scope, name: &str, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        Ok(out.set_var(scope, name, self.as_value())?)
    }

    fn presence() -> Presence {
        T::presence()
    }
}

#[diagnostic::do_not_recommend]
impl Variable for Unset {
    fn write(self, scope: Scope, name: &str, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        Ok(out.unset_var(scope, name)?)
    }
}

#[diagnostic::do_not_recommend]
impl<V: Variable> Variable for Option<V> {
    #[inline]
    fn write(self, scope: Scope, name: &str, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.map_or(Ok(()), |value| value.write(scope, name, out))
    }

    fn presence() -> Presence {
        V::presence().sometimes()
    }
}

#[diagnostic::do_not_recommend]
impl<V: Variable, E: IntoHandlerError> Variable for Result<V, E> {
    #[inline]
    fn write(self, scope: Scope, name: &str, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.map_err(|error| Failure::Error(error.into_handler_error()))?
            .write(scope, name, out)
    }

    fn presence() -> Presence {
        V::presence()
    }
}
