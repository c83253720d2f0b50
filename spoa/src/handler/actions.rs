//! A list of actions, which handlers fill and tests compare.

use super::{ActionWriter, Failure, IntoActions};
use crate::spop::{Action, ActionIter, Scope, Value};
use std::fmt;

/// A list of actions of any kinds.
///
/// Two lists are equal if they hold the same actions in the same order, each with the same type and value on
/// the wire. So a test can call a handler and compare its result:
///
/// ```
/// use spoa::prelude::*;
/// use spoa::spop::Value;
///
/// fn verdict(block: bool) -> Actions {
///     let mut actions = Actions::new();
///     actions.push(SetVar::transaction("block", block));
///     if !block {
///         actions.push(UnsetVar::transaction("reason"));
///     }
///     actions
/// }
///
/// let expected = (SetVar::transaction("block", false), UnsetVar::transaction("reason"));
/// assert_eq!(verdict(false), Actions::new().with(expected));
/// assert_eq!(verdict(true).get("txn.block"), Some(Value::Bool(true)));
/// assert_eq!(verdict(false).iter().last().unwrap().to_string(), "unset-var txn.reason");
/// ```
///
/// To compare the result of a handler that returns another type, put it into a list with [`Actions::with`].
#[derive(Default)]
#[must_use = "HAProxy gets the actions only if the handler returns them"]
pub struct Actions {
    encoded: Vec<u8>,
    failure: Option<Failure>,
}

impl Actions {
    /// Makes a list without actions.
    pub fn new() -> Self {
        Actions::default()
    }

    /// Adds actions at the end. If some of them are failures, the first one becomes the handler's failure.
    pub fn push(&mut self, actions: impl IntoActions) -> &mut Self {
        let result = actions.into_actions(&mut ActionWriter::new(&mut self.encoded));
        if let Err(failure) = result {
            self.failure.get_or_insert(failure);
        }
        self
    }

    /// Adds actions as [`push`](Actions::push) does, and returns the list.
    pub fn with(mut self, actions: impl IntoActions) -> Self {
        self.push(actions);
        self
    }

    /// Returns an iterator over the actions, in the order in which HAProxy applies them.
    pub fn iter(&self) -> impl Iterator<Item = Action<'_>> + Clone {
        // Only `ActionWriter` writes to `encoded`, so each action decodes.
        ActionIter::new(&self.encoded).map_while(Result::ok)
    }

    /// Returns the number of actions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there are no actions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Returns the value of a variable after these actions, or `None` if no action sets it or the last one
    /// unsets it. Write the variable with its scope and without the engine's prefix: `txn.block`.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<Value<'_>> {
        let (scope, name) = variable.split_once('.')?;
        let scope = Scope::from_name(scope)?;
        let of = |action: &Action<'_>| action.scope() == scope && action.name() == name;
        match self.iter().filter(of).last()? {
            Action::SetVar { value, .. } if value != Value::Null => Some(value),
            _ => None,
        }
    }

    /// Returns the first failure that was pushed. A handler that returns these actions fails with it.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

/// Writes the actions as `spop` shows them.
impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.iter().map(DisplayAsDebug));
        if let Some(failure) = &self.failure {
            list.entry(failure);
        }
        list.finish()
    }
}

struct DisplayAsDebug<T>(T);

impl<T: fmt::Display> fmt::Debug for DisplayAsDebug<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Compares the actions as they are on the wire, and the texts of the failures.
impl PartialEq for Actions {
    fn eq(&self, other: &Self) -> bool {
        let text = |failure: &Option<Failure>| failure.as_ref().map(ToString::to_string);
        self.encoded == other.encoded && text(&self.failure) == text(&other.failure)
    }
}

/// Copies the actions. The copy of an error that the handler returned has only its text.
impl Clone for Actions {
    fn clone(&self) -> Self {
        Actions {
            encoded: self.encoded.clone(),
            failure: self.failure.as_ref().map(Failure::copied),
        }
    }
}

impl<A: IntoActions> FromIterator<A> for Actions {
    fn from_iter<I: IntoIterator<Item = A>>(iter: I) -> Self {
        let mut actions = Actions::new();
        actions.extend(iter);
        actions
    }
}

impl<A: IntoActions> Extend<A> for Actions {
    fn extend<I: IntoIterator<Item = A>>(&mut self, iter: I) {
        for actions in iter {
            self.push(actions);
        }
    }
}

#[diagnostic::do_not_recommend]
impl IntoActions for Actions {
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure> {
        out.extend(&self.encoded);
        self.failure.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{SetVar, UnsetVar};

    fn actions(result: impl IntoActions) -> Result<Vec<String>, String> {
        let mut out = Vec::new();
        result
            .into_actions(&mut ActionWriter::new(&mut out))
            .map_err(|f| f.to_string())?;
        Ok(ActionIter::new(&out)
            .map(|action| action.unwrap().to_string())
            .collect())
    }

    #[test]
    fn every_result_becomes_its_actions_in_order() {
        let all = (
            SetVar::session("a", -5),
            [UnsetVar::process("b")],
            Some(SetVar::request("c", "x")),
            None::<UnsetVar>,
            Ok::<_, String>(vec![
                SetVar::response("d", Some(true)),
                SetVar::response("e", None),
            ]),
            Actions::new().with(SetVar::transaction("f", &b"\x01"[..])),
        );
        let expected = [
            "set-var sess.a = -5",
            "unset-var proc.b",
            "set-var req.c = \"x\"",
            "set-var res.d = true",
            "set-var txn.f = 0x01",
        ];
        assert_eq!(actions(all).unwrap(), expected);
    }

    #[test]
    fn results_of_handlers_can_be_compared_and_read() {
        let all = || {
            let mut actions = Actions::from_iter([SetVar::session("a", 1u8)]);
            actions.extend([UnsetVar::process("b"), UnsetVar::session("a")]);
            actions.with(Some(SetVar::response("c", "x")))
        };
        assert_eq!(all(), all());
        assert_eq!(all().clone(), all());
        assert_eq!((all().len(), Actions::new().len()), (4, 0));
        assert!(Actions::new().is_empty() && !all().is_empty());
        let shown =
            "[set-var sess.a = 1, unset-var proc.b, unset-var sess.a, set-var res.c = \"x\"]";
        assert_eq!(format!("{:?}", all()), shown);
        assert_eq!(all().get("res.c"), Some(Value::String(b"x")));
        for none in ["sess.a", "proc.b", "txn.c", "c", "nowhere.c"] {
            assert_eq!(all().get(none), None, "{none}");
        }
        let one = |value| Actions::new().with(SetVar::session("a", value));
        assert_ne!(one(Value::Int32(1)), one(Value::Int64(1)));
        assert_ne!(one(Value::Null), Actions::new());
    }

    #[test]
    fn failures_of_actions_are_compared_too() {
        let failed = |text: &'static str| {
            Actions::new()
                .with(SetVar::session("a", 1))
                .with(Err::<(), _>(text))
                .with(Err::<(), _>("a later one"))
        };
        assert_eq!(failed("down"), failed("down"));
        assert_eq!(failed("down").clone(), failed("down"));
        assert_ne!(failed("down"), failed("up"));
        assert_ne!(failed("down"), Actions::new().with(SetVar::session("a", 1)));
        assert_eq!(failed("down").failure().unwrap().to_string(), "down");
        assert_eq!(
            format!("{:?}", failed("down")),
            "[set-var sess.a = 1, Error(\"down\")]"
        );
    }

    #[test]
    fn an_error_is_the_handlers_failure() {
        assert_eq!(
            actions(Err::<(), _>("database down")),
            Err("database down".to_owned())
        );
    }

    #[test]
    fn a_name_that_haproxy_would_drop_is_a_failure_that_says_why() {
        let failure = |name: &str| actions(SetVar::session(name.to_owned(), 1)).unwrap_err();
        assert_eq!(
            failure("ip-score"),
            "HAProxy drops the variable `sess.ip-score`: `-` is not allowed in a name; use letters, digits, `_` and `.`"
        );
        assert_eq!(
            failure(""),
            "HAProxy drops the variable `sess.`: its name is empty"
        );
        assert!(actions(SetVar::session("n".repeat(56), 1)).is_ok());
        assert!(failure(&"n".repeat(57)).ends_with("shorten it to 56"));
        assert!(actions(SetVar::request("n".repeat(57), 1)).is_ok());
    }
}
