//! Setting and unsetting one variable of HAProxy.

use super::{ActionWriter, Description, Failure, IntoActions, Presence, Variable};
use crate::spop::Scope;
use std::borrow::Cow;

/// Sets a variable of HAProxy to a value.
///
/// In HAProxy its name is `scope.prefix.name`; the prefix is `option var-prefix` in spoe.conf. A value of
/// `None` leaves the variable as it is.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::spop::Scope;
///
/// let _ = SetVar::session("ip_score", 20u8);
/// let _ = SetVar::new(Scope::Transaction, "verdict", "deny");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a variable is set only if the handler returns this"]
pub struct SetVar<T> {
    scope: Scope,
    name: Cow<'static, str>,
    value: T,
}

macro_rules! scopes {
    ($($method:ident, $scope:ident, $name:literal;)*) => {
        impl<T> SetVar<T> {
            $(
                #[doc = concat!(
                    "Sets `", $name, ".<prefix>.<name>`: see [`Scope::", stringify!($scope), "`]."
                )]
                #[inline]
                pub fn $method(name: impl Into<Cow<'static, str>>, value: T) -> Self {
                    SetVar::new(Scope::$scope, name, value)
                }
            )*
        }

        impl UnsetVar {
            $(
                #[doc = concat!(
                    "Unsets `", $name, ".<prefix>.<name>`: see [`Scope::", stringify!($scope), "`]."
                )]
                #[inline]
                pub fn $method(name: impl Into<Cow<'static, str>>) -> Self {
                    UnsetVar::new(Scope::$scope, name)
                }
            )*
        }
    };
}

scopes! {
    process, Process, "proc";
    session, Session, "sess";
    transaction, Transaction, "txn";
    request, Request, "req";
    response, Response, "res";
}

impl<T> SetVar<T> {
    /// Sets `<scope>.<prefix>.<name>`.
    #[inline]
    pub fn new(scope: Scope, name: impl Into<Cow<'static, str>>, value: T) -> Self {
        SetVar {
            scope,
            name: name.into(),
            value,
        }
    }

    /// Returns the scope of the variable.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the name of the variable, without scope and prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value that the variable is set to.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// Unsets a variable of HAProxy.
///
/// ```
/// use spoa::prelude::*;
///
/// let _ = UnsetVar::transaction("verdict");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a variable is unset only if the handler returns this"]
pub struct UnsetVar {
    scope: Scope,
    name: Cow<'static, str>,
}

impl UnsetVar {
    /// Unsets `<scope>.<prefix>.<name>`.
    #[inline]
    pub fn new(scope: Scope, name: impl Into<Cow<'static, str>>) -> Self {
        UnsetVar {
            scope,
            name: name.into(),
        }
    }

    /// Returns the scope of the variable.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the name of the variable, without scope and prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<T: Variable> IntoActions for SetVar<T> {
    #[inline(always)]
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        self.value.write(self.scope, &self.name, out)
    }

    fn describe(description: &mut Description) {
        if T::presence() == Presence::Unknown {
            description.may_unset();
        }
        description.open = true;
    }

    fn presence() -> Presence {
        T::presence()
    }
}

#[diagnostic::do_not_recommend]
impl IntoActions for UnsetVar {
    #[inline]
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        Ok(out.unset_var(self.scope, &self.name)?)
    }

    fn describe(description: &mut Description) {
        description.may_unset();
    }
}
