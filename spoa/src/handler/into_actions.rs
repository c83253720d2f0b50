//! The types that a handler returns: actions on HAProxy's variables.

use super::{ActionWriter, Description, Failure, IntoHandlerError, Presence};

/// A type that a handler may return.
///
/// HAProxy applies the actions in the order in which they are returned, and those of several messages of
/// one NOTIFY in the order of the messages, whichever handler finishes first. If two actions set one variable,
/// the last one wins.
///
/// A handler can return `()`, [`SetVar`](super::SetVar), [`UnsetVar`](super::UnsetVar),
/// [`Actions`](super::Actions), arrays, `Vec`s and tuples of those, `Option` (`None` does nothing) and `Result`
/// with any error. `#[derive(IntoActions)]` implements the trait for a struct whose fields are variables.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not an action",
    note = "return `SetVar::session(\"name\", value)`, `UnsetVar`, `Actions`, a `Vec`, array or tuple of those, `Option` or `Result` of one, `()`, or a struct with `#[derive(IntoActions)]`",
    note = "to set one variable to the value returned, add `set = \"sess.name\"` to the attribute"
)]
pub trait IntoActions {
    /// Appends the actions, in the order in which HAProxy applies them.
    ///
    /// # Errors
    /// The [`Failure`] of the handler. The actions that were appended before it are dropped.
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure>;

    /// Describes the variables that are known without running the handler, for `handlers`, `config` and
    /// `doctor`. By default, the handler may set any variable.
    fn describe(description: &mut Description) {
        description.may_unset();
        description.open = true;
    }

    /// Returns whether each success sets one variable whose name is known only when the handler runs.
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
impl IntoActions for () {
    #[inline]
    fn into_actions(self, _: &mut ActionWriter<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn describe(_: &mut Description) {}
}

impl<A: IntoActions> IntoActions for Option<A> {
    #[inline]
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.map_or(Ok(()), |actions| actions.into_actions(out))
    }

    fn describe(description: &mut Description) {
        perhaps::<A>(description);
    }

    fn presence() -> Presence {
        A::presence().sometimes()
    }
}

impl<A: IntoActions, E: IntoHandlerError> IntoActions for Result<A, E> {
    #[inline]
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.map_err(|error| Failure::Error(error.into_handler_error()))?
            .into_actions(out)
    }

    fn describe(description: &mut Description) {
        A::describe(description);
    }

    fn presence() -> Presence {
        A::presence()
    }
}

#[diagnostic::do_not_recommend]
impl<A: IntoActions, const N: usize> IntoActions for [A; N] {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.into_iter()
            .try_for_each(|actions| actions.into_actions(out))
    }

    fn describe(description: &mut Description) {
        match N {
            0 => {}
            _ => A::describe(description),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<A: IntoActions> IntoActions for Vec<A> {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.into_iter()
            .try_for_each(|actions| actions.into_actions(out))
    }

    fn describe(description: &mut Description) {
        perhaps::<A>(description);
    }
}

/// Describes the variables of actions that some successes leave out.
fn perhaps<A: IntoActions>(description: &mut Description) {
    let start = description.variables.len();
    A::describe(description);
    description.sometimes(start);
}

macro_rules! tuples {
    ($($first:ident $($rest:ident)*)?) => {$(
        #[diagnostic::do_not_recommend]
        impl<$first: IntoActions, $($rest: IntoActions),*> IntoActions for ($first, $($rest,)*) {
            fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
                #[allow(non_snake_case)]
                let ($first, $($rest,)*) = self;
                $first.into_actions(out)?;
                $($rest.into_actions(out)?;)*
                Ok(())
            }

            fn describe(description: &mut Description) {
                $first::describe(description);
                $($rest::describe(description);)*
            }
        }
        tuples!($($rest)*);
    )?};
}

tuples!(A B C D E F G H I J K L);
