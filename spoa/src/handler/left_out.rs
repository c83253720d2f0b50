//! The actions that HAProxy could not take.

use crate::spop::Action;
use std::fmt;

/// The actions that HAProxy could not take: their number, and the variables of the first ones.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    count: usize,
    variables: Vec<String>,
}

impl LeftOut {
    /// The largest number of variables that are named.
    const NAMED: usize = 5;

    /// Adds an action.
    pub(crate) fn add(&mut self, action: &Action<'_>) {
        self.count += 1;
        if self.variables.len() < Self::NAMED {
            let (Action::SetVar { scope, name, .. } | Action::UnsetVar { scope, name }) = action;
            self.variables.push(format!("{scope}.{}", name.excerpt()));
        }
    }

    /// Adds actions that were left out later.
    pub(crate) fn append(&mut self, more: LeftOut) {
        self.count += more.count;
        self.variables.extend(more.variables);
        self.variables.truncate(Self::NAMED);
    }

    /// Returns the number of actions.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns how many actions do not fit, as the beginning of a sentence.
    pub(crate) fn actions(&self) -> String {
        match self.count {
            1 => "1 action does not fit".to_owned(),
            count => format!("{count} actions do not fit"),
        }
    }
}

/// Writes the variables: `` `txn.a`, `txn.b` and 7 more``.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.variables.join("`, `"))?;
        match self.count.saturating_sub(self.variables.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
