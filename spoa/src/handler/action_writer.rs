//! Appends the actions of a handler to an ACK.

use super::variable_name::check;
use super::{BadVariable, LeftOut};
use crate::spop::{Action, Scope, Value, fit};
use std::cell::RefCell;

/// Appends actions to an ACK.
#[derive(Debug)]
pub struct ActionWriter<'w> {
    out: &'w mut Vec<u8>,
    /// The length that the buffer may grow to; 0 after an action was left out.
    end: usize,
    /// The number of actions that were left out. `LEFT_OUT` holds the actions themselves: a writer that owned
    /// them would have to be dropped, which costs each handler some instructions.
    left_out: usize,
}

thread_local! {
    /// The actions that the last writer of this thread left out.
    static LEFT_OUT: RefCell<LeftOut> = RefCell::default();
}

impl<'w> ActionWriter<'w> {
    /// Returns a writer that appends to the payload of an ACK, for the test of a hand-written
    /// [`IntoActions`](super::IntoActions).
    ///
    /// ```
    /// use spoa::handler::ActionWriter;
    /// use spoa::spop::{ActionIter, Scope, Value};
    ///
    /// let mut payload = Vec::new();
    /// ActionWriter::new(&mut payload).set_var(Scope::Session, "ip_score", Value::Int32(20))?;
    /// let actions: Vec<_> = ActionIter::new(&payload).flatten().collect();
    /// assert_eq!(actions[0].to_string(), "set-var sess.ip_score = 20");
    /// # Ok::<(), spoa::handler::BadVariable>(())
    /// ```
    #[inline]
    pub fn new(out: &'w mut Vec<u8>) -> Self {
        ActionWriter::within(out, usize::MAX)
    }

    /// Returns a writer that appends to the payload of an ACK up to `end`. It leaves out the first action that
    /// does not fit, and all actions after it.
    #[inline]
    pub(crate) fn within(out: &'w mut Vec<u8>, end: usize) -> Self {
        ActionWriter {
            out,
            end,
            left_out: 0,
        }
    }

    /// Returns the actions that were left out, if any.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn left_out(&self) -> Option<Box<LeftOut>> {
        match self.left_out {
            0 => None,
            _ => take_left_out(),
        }
    }

    /// Sets a variable; [`Value::Null`] unsets it.
    ///
    /// # Errors
    /// [`BadVariable`] if HAProxy would drop the name silently.
    // Where the compiler knows the name and the type of the value, this inlines to a few stores.
    #[inline(always)]
    pub fn set_var(
        &mut self,
        scope: Scope,
        name: &str,
        value: Value<'_>,
    ) -> Result<(), BadVariable> {
        check(scope, name)?;
        self.append(Action::SetVar {
            scope,
            name: name.into(),
            value,
        });
        Ok(())
    }

    /// Unsets a variable.
    ///
    /// # Errors
    /// [`BadVariable`] if HAProxy would drop the name silently.
    #[inline]
    pub fn unset_var(&mut self, scope: Scope, name: &str) -> Result<(), BadVariable> {
        check(scope, name)?;
        self.append(Action::UnsetVar {
            scope,
            name: name.into(),
        });
        Ok(())
    }

    #[inline(always)]
    fn append(&mut self, action: Action<'_>) {
        if self.out.len() + action.max_size() > self.end {
            return self.squeeze(action);
        }
        action.append(self.out);
    }

    /// Appends an action that may not fit.
    #[cold]
    fn squeeze(&mut self, action: Action<'_>) {
        let start = self.out.len();
        let fits = start + action.min_size() <= self.end;
        if fits {
            action.encode(self.out);
        }
        if !fits || self.out.len() > self.end {
            self.out.truncate(start);
            self.leave_out(&action);
        }
    }

    /// Appends encoded actions.
    pub(super) fn extend(&mut self, encoded: &[u8]) {
        let most = self.end.saturating_sub(self.out.len());
        let mut taken = encoded;
        if encoded.len() > most {
            let (len, _) = fit(encoded, most, |action| self.leave_out(action));
            taken = encoded.get(..len).unwrap_or_default();
        }
        self.out.extend_from_slice(taken);
    }

    /// Counts an action that does not fit, and keeps later ones from being appended.
    #[cold]
    fn leave_out(&mut self, action: &Action<'_>) {
        LEFT_OUT.with_borrow_mut(|left_out| {
            if self.left_out == 0 {
                *left_out = LeftOut::default();
            }
            left_out.add(action);
        });
        self.left_out += 1;
        self.end = 0;
    }
}

#[cold]
fn take_left_out() -> Option<Box<LeftOut>> {
    Some(Box::new(LEFT_OUT.take()))
}
