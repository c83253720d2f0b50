//! The conversion of a message to the parameters of its handler.

use super::argument_spec::ArgSpec;
use super::cursor::ArgCursor;
use super::description::{ArgumentDescription, Description};
use super::sample_check::Events;
use super::{
    Accepts, DefaultSample, Expected, Failure, FromMessage, FromValue, IncomingMessage, Mismatch,
    Rejection, RejectionKind,
};
use crate::spop::{DataType, Message, Value};
use std::borrow::Cow;

/// A parameter is made from one argument.
#[doc(hidden)]
#[derive(Debug)]
pub enum ByValue {}

/// A parameter is made from the whole message.
#[doc(hidden)]
#[derive(Debug)]
pub enum ByMessage {}

/// A parameter of a handler. The compiler infers the `Kind`, [`ByValue`] or [`ByMessage`], from the traits of the
/// type, so the macro need not know it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "not a type that a handler can take",
    note = "arguments can be `bool`, integers up to 64 bits, `IpAddr`, `Ipv4Addr`, `Ipv6Addr`, `&str`, `String`, `Cow<str>`, `&[u8]`, `Vec<u8>`, `Bytes`, `spoa::spop::Value`, `Text`, and `Option` or `Result<_, Mismatch>` of these",
    note = "to take the whole message, use `Message`, `Args`, `Context`, `State<T>` or a struct with `#[derive(FromMessage)]`, without `#[arg]`",
    note = "for a type of your own, `#[derive(FromValue)]`; `Parse<T>` reads a `T` from text, `f64` for instance, and needs `T: FromStr`"
)]
pub trait Param<'a, Kind>: Sized {
    /// The events at which HAProxy has the samples it is made of, a bit for each.
    const EVENTS: Events;

    /// The values of an argument from which it is made.
    const EXPECTED: Expected;

    /// The values that it takes without a rejection.
    const ACCEPTS: Accepts;

    /// The sample of its argument, if nothing else names one.
    const SAMPLE: DefaultSample;

    /// Makes the parameter from its argument, or from the whole message.
    fn take(
        arguments: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        spec: &ArgSpec,
    ) -> Result<Self, Failure>;

    /// Makes the parameter as [`take`](Param::take) does, but returns `None` for a missing argument, which has a
    /// default.
    fn take_present(
        arguments: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        spec: &ArgSpec,
    ) -> Result<Option<Self>, Failure>;

    /// Describes the arguments and states that it takes.
    fn describe(spec: &ArgSpec, description: &mut Description);
}

impl<'a, T: FromValue<'a>> Param<'a, ByValue> for T {
    // Where an attribute names a sample, the macro knows its events.
    const EVENTS: Events = T::SAMPLE.events();
    const EXPECTED: Expected = T::EXPECTED;
    const ACCEPTS: Accepts = T::ACCEPTS;
    const SAMPLE: DefaultSample = T::SAMPLE;

    // Only the code for the usual argument is inlined; the rest is a call.
    #[inline(always)]
    fn take(
        arguments: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        spec: &ArgSpec,
    ) -> Result<Self, Failure> {
        if let Some(value) = likely::<T>(arguments, spec) {
            return match T::from_value(value) {
                Ok(taken) => Ok(taken),
                Err(mismatch) => Err(refuse(mismatch, T::LIKELY, incoming, spec, T::EXPECTED)),
            };
        }
        convert(find(arguments, incoming, spec), incoming, spec)
    }

    #[inline(always)]
    fn take_present(
        arguments: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        spec: &ArgSpec,
    ) -> Result<Option<Self>, Failure> {
        if let Some(value) = likely::<T>(arguments, spec) {
            return match T::from_value(value) {
                Ok(taken) => Ok(Some(taken)),
                Err(mismatch) => Err(refuse(mismatch, T::LIKELY, incoming, spec, T::EXPECTED)),
            };
        }
        match find(arguments, incoming, spec) {
            None | Some(Value::Null) => Ok(None),
            value => convert(value, incoming, spec).map(Some),
        }
    }

    fn describe(spec: &ArgSpec, description: &mut Description) {
        description.arguments.push(ArgumentDescription {
            name: spec.name,
            index: spec.index,
            rust_type: Cow::Borrowed(spec.rust_type),
            expected: T::EXPECTED,
            sample: spec.sample,
            default_sample: T::SAMPLE,
            may_be_missing: spec.may_be_missing,
            attribute: spec.attribute,
            takes_null: spec.default || T::ACCEPTS.null(),
            required: !spec.default && T::from_absent().is_none(),
            secret: false,
        });
    }
}

/// Takes the next argument, if it has the name and the likely type of the parameter.
#[inline(always)]
fn likely<'a, T: FromValue<'a>>(
    arguments: &mut ArgCursor<'a>,
    spec: &ArgSpec,
) -> Option<Value<'a>> {
    arguments.likely(spec.name?, T::LIKELY)
}

/// Rejects a message for a value of the likely type that the parameter's type refuses. The value is not
/// converted again: the code of the type may be slow or have side effects.
// The value itself is not passed, since the caller would have to keep it during the conversion.
#[cold]
fn refuse(
    mismatch: Mismatch,
    likely: DataType,
    incoming: &IncomingMessage<'_>,
    spec: &ArgSpec,
    expected: Expected,
) -> Failure {
    let kind = RejectionKind::Mismatch(likely, mismatch);
    reject(&incoming.message, spec, expected, kind)
}

// The cursor is passed by value: a reference would force it into memory even where nothing is searched for.
#[inline(always)]
fn find<'a>(
    arguments: &mut ArgCursor<'a>,
    incoming: &IncomingMessage<'a>,
    spec: &ArgSpec,
) -> Option<Value<'a>> {
    let (value, left) = search(*arguments, incoming, spec);
    *arguments = left;
    value
}

#[inline(never)]
fn search<'a>(
    arguments: ArgCursor<'a>,
    incoming: &IncomingMessage<'a>,
    spec: &ArgSpec,
) -> (Option<Value<'a>>, ArgCursor<'a>) {
    match (spec.name, spec.index) {
        (Some(name), _) => arguments.named(incoming, name),
        (None, Some(place)) => (incoming.message.at(place), arguments),
        (None, None) => (None, arguments),
    }
}

#[inline(never)]
fn convert<'a, T: FromValue<'a>>(
    value: Option<Value<'a>>,
    incoming: &IncomingMessage<'a>,
    spec: &ArgSpec,
) -> Result<T, Failure> {
    let kind = match value {
        Some(value) => match T::from_value(value) {
            Ok(taken) => return Ok(taken),
            Err(_) if value == Value::Null => RejectionKind::Null,
            Err(mismatch) => RejectionKind::Mismatch(value.data_type(), mismatch),
        },
        None => match T::from_absent() {
            Some(taken) => return Ok(taken),
            None => RejectionKind::Missing,
        },
    };
    Err(reject(&incoming.message, spec, T::EXPECTED, kind))
}

#[cold]
fn reject(
    message: &Message<'_>,
    spec: &ArgSpec,
    expected: Expected,
    kind: RejectionKind,
) -> Failure {
    Rejection::new(message, spec, expected, kind).into()
}

impl<'a, T: FromMessage<'a>> Param<'a, ByMessage> for T {
    const EVENTS: Events = T::EVENTS;
    const EXPECTED: Expected = Expected::Any;
    // The type checks the arguments itself.
    const ACCEPTS: Accepts = Accepts::ANY.or_null();
    const SAMPLE: DefaultSample = DefaultSample::NONE;

    #[inline]
    fn take(
        _: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        _: &ArgSpec,
    ) -> Result<Self, Failure> {
        T::from_message(incoming)
    }

    #[inline]
    fn take_present(
        _: &mut ArgCursor<'a>,
        incoming: &IncomingMessage<'a>,
        _: &ArgSpec,
    ) -> Result<Option<Self>, Failure> {
        T::from_message(incoming).map(Some)
    }

    fn describe(_: &ArgSpec, description: &mut Description) {
        T::describe(description);
    }
}
