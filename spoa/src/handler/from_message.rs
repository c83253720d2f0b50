//! The conversion of a whole message to a Rust value.

use super::sample_check::Events;
use super::{Context, Description, Failure, IncomingMessage, Mismatch, RejectionKind, State};
use crate::spop::{Args, Message};

/// A type that is made from a whole message: [`Message`], [`Args`], [`Context`], [`State`], [`After`](super::After),
/// [`Transaction`](super::Transaction), or a struct of arguments with `#[derive(FromMessage)]`.
///
/// `Option<T>` is `None` if an argument of `T` is missing. With `Result<T, Mismatch>`, the handler gets the problem
/// with an argument, and the message is not rejected.
///
/// Implement it if a derive is not enough, for instance to make one value from several arguments:
///
/// ```
/// use spoa::handler::{Description, Failure, FromMessage, IncomingMessage};
/// use spoa::prelude::*;
///
/// /// The host, or without it the name in the TLS handshake.
/// struct Host<'a>(Text<'a>);
///
/// impl<'a> FromMessage<'a> for Host<'a> {
///     fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
///         let args = incoming.message().args();
///         let named = |name| args.get(name).and_then(|value| Text::from_value(value).ok());
///         let host = named("host").or_else(|| named("sni"));
///         host.map(Host).ok_or_else(|| Failure::Error("there is no host".into()))
///     }
///
///     fn describe(description: &mut Description) {
///         description.argument::<Option<Text<'_>>>("host").sample("req.hdr(host)");
///         description.argument::<Option<Text<'_>>>("sni").sample("ssl_fc_sni");
///     }
/// }
///
/// #[spoe_message("route")]
/// fn route(host: Host<'_>) -> SetVar<bool> {
///     SetVar::transaction("internal", host.0.as_bytes().ends_with(b".internal"))
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from a message",
    label = "not a type that a handler can take",
    note = "take `Message`, `Args`, `Context`, `State<T>`, or a struct with `#[derive(FromMessage)]`"
)]
pub trait FromMessage<'a>: Sized {
    /// Makes a value from a message.
    ///
    /// # Errors
    /// The [`Failure`] of the handler, as a rule a [`Rejection`](super::Rejection).
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure>;

    /// Describes the arguments and states that the type takes, for `handlers`, `config` and `doctor`. By default
    /// it describes nothing.
    fn describe(description: &mut Description) {
        let _ = description;
    }

    /// The events at which HAProxy has the samples of all its arguments, a bit for each.
    #[doc(hidden)]
    const EVENTS: Events = Events::MAX;
}

#[diagnostic::do_not_recommend]
impl<'a> FromMessage<'a> for Message<'a> {
    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        Ok(incoming.message)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromMessage<'a> for Args<'a> {
    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        Ok(incoming.message.args())
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromMessage<'a> for Context<'a> {
    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        Ok(incoming.context)
    }
}

impl<'a, T: Send + Sync + 'static> FromMessage<'a> for State<'a, T> {
    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        incoming.context.connection.states.find().map(State)
    }

    fn describe(description: &mut Description) {
        description.state::<T>();
    }
}

/// Gives `None` if the message does not have an argument of the type, or HAProxy had no value for it.
#[diagnostic::do_not_recommend]
impl<'a, T: FromMessage<'a>> FromMessage<'a> for Option<T> {
    const EVENTS: Events = T::EVENTS;

    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        match T::from_message(incoming) {
            Ok(taken) => Ok(Some(taken)),
            Err(Failure::Rejected(rejection)) if rejection.is_of_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn describe(description: &mut Description) {
        let start = description.arguments.len();
        T::describe(description);
        description.need_not_have(start);
    }
}

/// Gives the problem with an argument to the handler instead of rejecting the message, so that the handler runs
/// whatever a client sends.
#[diagnostic::do_not_recommend]
impl<'a, T: FromMessage<'a>> FromMessage<'a> for Result<T, Mismatch> {
    const EVENTS: Events = T::EVENTS;

    #[inline]
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        match T::from_message(incoming) {
            Ok(taken) => Ok(Ok(taken)),
            Err(Failure::Rejected(rejection)) => Ok(Err(match rejection.into_kind() {
                RejectionKind::Missing | RejectionKind::Null => Mismatch::Missing,
                RejectionKind::Mismatch(_, mismatch) => mismatch,
            })),
            Err(failure) => Err(failure),
        }
    }

    fn describe(description: &mut Description) {
        let start = description.arguments.len();
        T::describe(description);
        description.need_not_have(start);
    }
}
