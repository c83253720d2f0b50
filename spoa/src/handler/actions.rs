//! What a handler may return: actions on HAProxy's variables.

use super::failure::Problem;
use super::{BadVariable, Description, Failure, IntoHandlerError, Presence, Variable};
use crate::spop::{Action, ActionIter, Scope, Value, fit};
use spoa_facts::{MAX_VARIABLE, is_in_variable};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// What a handler may return.
///
/// HAProxy applies the actions in the order in which they are returned, and those of several messages of
/// one NOTIFY in the order of the messages, whichever handler is done first. Where two set the same
/// variable, the last one counts.
///
/// `()`, [`SetVar`], [`UnsetVar`], [`Actions`], arrays, `Vec`s and tuples of those, `Option` (`None`
/// is no action) and `Result` with any error. Derive it for a struct whose fields are variables
/// with `#[derive(IntoActions)]`.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not an action",
    note = "return `SetVar::session(\"name\", value)`, `UnsetVar`, `Actions`, a `Vec`, array or tuple of those, `Option` or `Result` of one, `()`, or a struct with `#[derive(IntoActions)]`",
    note = "to set one variable to the value returned, add `set = \"sess.name\"` to the attribute"
)]
pub trait IntoActions {
    /// Appends the actions in the order HAProxy is to apply them.
    ///
    /// # Errors
    /// The [`Failure`] of the handler: what it appended before is dropped.
    fn into_actions(self, out: &mut ActionWriter<'_>) -> Result<(), Failure>;

    /// Names the variables that are known without running the handler, for `handlers`, `config` and `doctor`.
    /// Without it they take any variable for possible.
    fn describe(description: &mut Description) {
        description.may_unset();
        description.open = true;
    }

    /// Tells whether each success sets one variable whose name is known only when the handler runs.
    #[doc(hidden)]
    #[must_use]
    fn presence() -> Presence
    where
        Self: Sized,
    {
        Presence::Unknown
    }
}

/// Appends actions to an ACK.
#[derive(Debug)]
pub struct ActionWriter<'w> {
    out: &'w mut Vec<u8>,
    /// The most bytes of the buffer; 0 once an action was left out.
    end: usize,
    /// How many actions were left out. Which ones is kept by the thread: a writer that owned them would
    /// have to be dropped, which costs each handler some instructions.
    left_out: usize,
}

thread_local! {
    /// The actions that the last writer of this thread left out.
    static LEFT_OUT: RefCell<LeftOut> = RefCell::default();
}

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

/// What HAProxy's 63 characters leave for a name: the scope, two dots and a prefix of at least one
/// character stand before it.
const MAX_WITH_SCOPE: usize = MAX_VARIABLE - 3;

/// Which bytes HAProxy takes in a name, as a table: names are checked with every action.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        allowed[byte] = is_in_variable(byte as u8 as char);
        byte += 1;
    }
    allowed
};

/// Returns whether HAProxy takes a byte in a name.
#[inline]
fn is_allowed(byte: u8) -> bool {
    ALLOWED.get(usize::from(byte)).copied().unwrap_or_default()
}

impl<'w> ActionWriter<'w> {
    /// Returns a writer that appends to the payload of an ACK. A test of an [`IntoActions`] written by hand
    /// makes one itself.
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

    /// Appends to the payload of an ACK up to `end`. The first action that does not fit is left out, and so
    /// are all after it.
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
    // Inlined where the name and the type of the value are known, it is a handful of stores.
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

    /// Appends actions that are encoded already.
    fn extend(&mut self, encoded: &[u8]) {
        let most = self.end.saturating_sub(self.out.len());
        let mut taken = encoded;
        if encoded.len() > most {
            let (len, _) = fit(encoded, most, |action| self.leave_out(action));
            taken = encoded.get(..len).unwrap_or_default();
        }
        self.out.extend_from_slice(taken);
    }

    /// Counts an action that does not fit; none after it may.
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

#[inline(always)]
fn check(scope: Scope, name: &str) -> Result<(), BadVariable> {
    let fits = !name.is_empty() && name.len() + scope.name().len() <= MAX_WITH_SCOPE;
    // All bytes are looked at, whatever was found: so it is quick where the name is good.
    if fits
        && name
            .bytes()
            .fold(true, |good, byte| good & is_allowed(byte))
    {
        return Ok(());
    }
    Err(bad(scope, name))
}

impl BadVariable {
    /// Checks that HAProxy takes a name of a variable.
    ///
    /// ```
    /// use spoa::handler::BadVariable;
    /// use spoa::spop::Scope;
    ///
    /// assert!(BadVariable::check(Scope::Session, "ip_score").is_ok());
    /// assert_eq!(BadVariable::check(Scope::Session, "ip-score").unwrap_err().name(), "ip-score");
    /// ```
    ///
    /// # Errors
    /// [`BadVariable`] if HAProxy would drop the variable silently.
    pub fn check(scope: Scope, name: &str) -> Result<(), BadVariable> {
        check(scope, name)
    }
}

#[cold]
fn bad(scope: Scope, name: &str) -> BadVariable {
    let stranger = name.chars().find(|c| !is_in_variable(*c));
    let problem = match stranger {
        _ if name.is_empty() => Problem::Empty,
        Some(stranger) => Problem::Character(stranger),
        None => Problem::Long(MAX_WITH_SCOPE - scope.name().len()),
    };
    BadVariable {
        scope,
        name: name.to_owned(),
        problem,
    }
}

/// Sets a variable of HAProxy's to a value.
///
/// HAProxy makes `scope.prefix.name` of it; the prefix is `option var-prefix` in spoe.conf. A value
/// of `None` leaves the variable alone.
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

/// Unsets a variable of HAProxy's.
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

/// Any number of actions of any kinds, collected one by one.
///
/// Two are equal if they hold the same actions in the same order, each with the same type and value on the
/// wire. So the test of a handler calls it and compares:
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
/// What any other handler returns becomes `Actions` with [`Actions::with`].
#[derive(Default)]
#[must_use = "actions are done only if the handler returns them"]
pub struct Actions {
    encoded: Vec<u8>,
    failure: Option<Failure>,
}

impl Actions {
    /// Makes a list without actions.
    pub fn new() -> Self {
        Actions::default()
    }

    /// Adds actions after those that are there. The first failure is kept and becomes the handler's.
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
        // Only `ActionWriter` writes here, so each can be read.
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

    /// Returns the value of a variable after these actions: `None` if none of them sets it, or the last
    /// unsets it. The variable is written with its scope and without the engine's prefix: `txn.block`.
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

    /// Returns the failure that the handler has with these actions: the first one that was pushed.
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

/// Copies the actions; of a failure with an error of the handler's own, only the text is kept.
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

/// Names the variables of actions that some successes leave out.
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_any_handler_returns_can_be_compared_and_looked_at() {
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
    fn a_failure_is_part_of_what_is_compared() {
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
            "HAProxy drops the variable `sess.ip-score`: `-` cannot stand in a name; use letters, digits, `_` and `.`"
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
