//! Data that handlers share.

use super::Failure;
use super::owned::Owned;
use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Shared data that the agent was given with `state` or `reload`, one value for each type.
///
/// If a handler takes a `State<'_, T>` that the agent was not given, the agent does not start. A reload affects only
/// later messages: a running handler keeps its value.
///
/// A value may own a tokio runtime, as a client that blocks does. `run!` makes it where blocking is allowed, and an agent
/// drops it there. Use such a client in `blocking` handlers only.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::State;
/// use std::collections::HashSet;
/// use std::net::IpAddr;
///
/// #[spoe_message("check")]
/// fn check(ip: IpAddr, State(blocked): State<'_, HashSet<IpAddr>>) -> SetVar<bool> {
///     SetVar::transaction("blocked", blocked.contains(&ip))
/// }
/// ```
pub struct State<'a, T>(pub &'a T);

impl<T> Clone for State<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<'_, T> {}

impl<T: fmt::Debug> fmt::Debug for State<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(self.0).finish()
    }
}

impl<T> Deref for State<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

/// The shared data of one agent. An agent has few types of state, so a linear search is faster than a hash map.
#[derive(Clone, Default)]
pub(crate) struct States {
    /// The values by type. Each is an [`Owned`], or the program's options, which are never dropped.
    values: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    /// The number of reloads so far.
    pub(crate) generation: u64,
}

impl States {
    /// Adds a value, which replaces an earlier one of its type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: Owned<T>) {
        self.values.retain(|(id, _)| *id != TypeId::of::<T>());
        self.values.push((TypeId::of::<T>(), Arc::new(value)));
    }

    /// Adds a value that lives as long as the program.
    #[cfg(feature = "run")]
    pub(crate) fn insert_shared(&mut self, value: Arc<dyn Any + Send + Sync>) {
        self.values.push(((*value).type_id(), value));
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.values.iter().any(|(present, _)| *present == id)
    }

    #[inline]
    pub(crate) fn find<T: Send + 'static>(&self) -> Result<&T, Failure> {
        let id = TypeId::of::<T>();
        let found = self.values.iter().find(|(present, _)| *present == id);
        let (_, value) = found.ok_or_else(missing::<T>)?;
        let owned = value.downcast_ref::<Owned<T>>();
        let value = owned.map_or_else(|| value.downcast_ref(), |owned| Some(&**owned));
        value.ok_or_else(missing::<T>)
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.values.len())
    }
}

#[cold]
fn missing<T>() -> Failure {
    Failure::Error(
        format!(
            "the agent was given no state of type `{}`",
            type_name::<T>()
        )
        .into(),
    )
}
