//! The actions that HAProxy could not take.

use crate::spop::Action;
use std::fmt;

/// The actions that HAProxy could not take: how many, and the variables of the first.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    count: usize,
    variables: Vec<String>,
}

impl LeftOut {
    /// The most variables that are named.
    const NAMED: usize = 5;

    /// Adds an action.
    pub(crate) fn add(&mut self, action: &Action<'_>) {
        self.count += 1;
        if self.variables.len() < Self::NAMED {
            let (Action::SetVar { scope, name, .. } | Action::UnsetVar { scope, name }) = action;
            self.variables.push(format!("{scope}.{}", name.excerpt()));
        }
    }

    /// Adds those that were left out after these.
    pub(crate) fn append(&mut self, more: LeftOut) {
        self.count += more.count;
        self.variables.extend(more.variables);
        self.variables.truncate(Self::NAMED);
    }

    /// Returns how many there are.
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

/// The variables: `` `txn.a`, `txn.b` and 7 more``.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.variables.join("`, `"))?;
        match self.count.saturating_sub(self.variables.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
