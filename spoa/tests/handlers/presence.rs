//! Which variables each success of a handler sets, as its types say.

use spoa::__private::{Definition, Presence};
use spoa::agent::FailedMessage;
use spoa::handler::{AsValue, Failure};
use spoa::prelude::*;
use spoa::spop::{Scope, Value};

type Alias<T> = Option<T>;
type Blocked = SetVar<bool>;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    blocked: bool,
    reason: Option<&'static str>,
    class: Alias<u8>,
    path: ::std::option::Option<u8>,
    gone: Unset,
    own: Own,
    read: Result<u8, HandlerError>,
    #[spoa(flatten)]
    inner: Inner,
    #[spoa(flatten)]
    perhaps: Option<Outer>,
}

#[derive(IntoActions)]
#[spoa(scope = "res")]
struct Inner {
    deep: u8,
}

#[derive(IntoActions)]
#[spoa(scope = "req")]
struct Outer {
    wide: u8,
}

/// A type of the user's own, which may unset.
struct Own;

impl AsValue for Own {
    fn as_value(&self) -> Value<'_> {
        Value::Null
    }
}

/// Actions of the user's own.
struct Any;

impl IntoActions for Any {
    fn into_actions(self, out: &mut spoa::handler::ActionWriter<'_>) -> Result<(), Failure> {
        Ok(out.unset_var(Scope::Response, "deep")?)
    }
}

const INNER: Inner = Inner { deep: 1 };

fn verdict() -> Verdict {
    Verdict {
        blocked: true,
        reason: None,
        class: None,
        path: None,
        gone: Unset,
        own: Own,
        read: Ok(1),
        inner: INNER,
        perhaps: None,
    }
}

/// The variables of a handler, with `?` where some successes leave one alone, `!` where only a failure sets it, `*`
/// where nothing is known.
fn variables(definition: &Definition) -> String {
    let variables = definition.description().variables;
    let variables = variables.iter().map(|variable| {
        let mark = match variable.presence {
            Presence::Always => "",
            Presence::Sometimes => "?",
            Presence::Failure => "!",
            Presence::Unknown => "*",
        };
        format!("{}.{}{mark}", variable.scope, variable.name)
    });
    variables.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_presence_of_each_field_of_a_struct_is_known() {
    #[spoe_message("m1")]
    fn plain() -> Verdict {
        verdict()
    }
    #[spoe_message("m2")]
    async fn fails() -> Result<Verdict, HandlerError> {
        Ok(verdict())
    }
    #[spoe_message("m3")]
    fn perhaps() -> Alias<Inner> {
        Some(INNER)
    }
    let always = "txn.blocked txn.reason? txn.class? txn.path? txn.gone* txn.own* txn.read res.deep \
                  req.wide?";
    let [plain, fails, perhaps] = handlers![plain, fails, perhaps];
    assert_eq!(variables(plain), always);
    assert_eq!(variables(fails), always);
    assert_eq!(variables(perhaps), "res.deep?");
}

#[test]
fn the_presence_of_a_variable_follows_from_the_type_of_its_value() {
    #[spoe_message("m4", set = "txn.x")]
    fn value() -> &'static str {
        "x"
    }
    #[spoe_message("m5", set = "txn.x", blocking)]
    fn fails() -> Result<Vec<u8>, HandlerError> {
        Ok(Vec::new())
    }
    #[spoe_message("m6", set = "txn.x")]
    async fn perhaps() -> Result<std::option::Option<u8>, HandlerError> {
        Ok(None)
    }
    #[spoe_message("m7", set = "txn.x")]
    fn any() -> Value<'static> {
        Value::Null
    }
    #[spoe_message("m8", set = "txn.x")]
    fn unset() -> Unset {
        Unset
    }
    #[spoe_message("m9", set = "txn.x")]
    fn opaque() -> impl AsValue {
        1
    }
    #[spoe_message("m10", set = "txn.x")]
    fn borrowed(text: &str) -> &str {
        text
    }
    let handlers = handlers![value, fails, perhaps, any, unset, opaque, borrowed];
    let said: Vec<_> = handlers.iter().map(|it| variables(it)).collect();
    let expected = [
        "txn.x", "txn.x", "txn.x?", "txn.x*", "txn.x*", "txn.x*", "txn.x",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_variable_named_in_the_body_counts_if_it_is_returned() {
    #[spoe_message("m11")]
    fn one(x: u8) -> Blocked {
        match x {
            0 => SetVar::transaction("x", false),
            _ => SetVar::transaction("x", true),
        }
    }
    #[spoe_message("m12")]
    fn fails() -> Result<SetVar<u8>, HandlerError> {
        let parsed = "7"
            .parse::<u8>()
            .map_err(|_| HandlerError::new("no number"));
        parsed.map(|x| SetVar::transaction("x", x)).inspect(|_| {})
    }
    #[spoe_message("m13")]
    fn read() -> Result<SetVar<u8>, HandlerError> {
        Ok(SetVar::transaction("x", "7".parse()?))
    }
    #[spoe_message("m14")]
    fn perhaps() -> Alias<SetVar<u8>> {
        Some(SetVar::transaction("x", 7))
    }
    #[spoe_message("m15")]
    fn optional_value() -> SetVar<Alias<u8>> {
        SetVar::transaction("x", Some(7))
    }
    #[spoe_message("m16")]
    fn another_way_out(x: u8) -> Blocked {
        if x == 0 {
            return SetVar::transaction(String::from("y"), true);
        }
        SetVar::transaction("x", false)
    }
    #[spoe_message("m17")]
    fn collected(x: u8) -> Actions {
        let mut actions = Actions::new();
        if x == 0 {
            actions.push(SetVar::transaction("x", false));
        }
        actions
    }
    #[spoe_message("m18")]
    fn list() -> Vec<SetVar<u8>> {
        vec![SetVar::transaction("x", 1)]
    }
    #[spoe_message("m19")]
    fn unset() -> UnsetVar {
        UnsetVar::transaction("x")
    }
    #[spoe_message("m20")]
    fn nothing() {}
    let handlers = handlers![
        one,
        fails,
        read,
        perhaps,
        optional_value,
        another_way_out,
        collected,
        list,
        unset,
        nothing
    ];
    let said: Vec<_> = handlers.iter().map(|it| variables(it)).collect();
    let expected = [
        "txn.x", "txn.x*", "txn.x", "txn.x?", "txn.x?", "txn.x*", "txn.x*", "txn.x*", "txn.x*", "",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_result_that_may_unset_a_variable_is_not_certain_to_set_it() {
    #[spoe_message("m21")]
    fn sure() -> (Inner, SetVar<u8>, [Outer; 1], [Inner; 0], ()) {
        let name = String::from("x");
        (
            INNER,
            SetVar::transaction(name, 1),
            [Outer { wide: 1 }],
            [],
            (),
        )
    }
    #[spoe_message("m22")]
    fn listed() -> Vec<Inner> {
        Vec::new()
    }
    #[spoe_message("m23")]
    fn unset() -> (Inner, UnsetVar) {
        (INNER, UnsetVar::response("deep"))
    }
    #[spoe_message("m24")]
    fn null() -> (Inner, Option<SetVar<Value<'static>>>) {
        (INNER, None)
    }
    #[spoe_message("m25")]
    fn actions() -> (Inner, Actions) {
        (INNER, Actions::new())
    }
    #[spoe_message("m26")]
    fn own() -> (Inner, Any) {
        (INNER, Any)
    }
    #[spoe_message("m27")]
    fn again() -> (Inner, UnsetVar, Inner) {
        (INNER, UnsetVar::response("deep"), INNER)
    }
    let handlers = handlers![sure, listed, unset, null, actions, own, again];
    let said: Vec<_> = handlers.iter().map(|it| variables(it)).collect();
    let expected = [
        "res.deep req.wide",
        "res.deep?",
        "res.deep*",
        "res.deep*",
        "res.deep*",
        "res.deep*",
        "res.deep",
    ];
    assert_eq!(said, expected);
}

fn broken(_: &FailedMessage<'_>) -> Inner {
    INNER
}

fn named_by_message(failed: &FailedMessage<'_>) -> SetVar<bool> {
    SetVar::transaction(format!("{}_failed", failed.message_name()), true)
}

#[test]
fn a_variable_of_on_failure_says_nothing_about_success() {
    #[spoe_message("m41", set = "txn.x", on_failure = |_| SetVar::transaction("e", true))]
    fn by_name() -> u8 {
        1
    }
    #[spoe_message("m42", set = "txn.x", on_failure = |failed| {
        let text = failed.failure().to_string();
        SetVar::transaction("x", text)
    })]
    fn same_name() -> u8 {
        1
    }
    #[spoe_message("m43", on_failure = broken)]
    fn by_type() -> Result<(Inner, Outer), HandlerError> {
        Ok((INNER, Outer { wide: 1 }))
    }
    #[spoe_message("m44", set = "txn.x", on_failure = named_by_message)]
    fn by_function() -> u8 {
        1
    }
    #[spoe_message("m45", on_failure = |_| (SetVar::transaction("a", 1), Actions::new()))]
    fn nothing() {}
    #[spoe_fallback(set = "txn.x", on_failure = broken)]
    fn fallback() -> u8 {
        1
    }
    let handlers = handlers![by_name, same_name, by_type, by_function, nothing, fallback];
    let said = handlers.map(|it| (variables(it), it.description().failure_is_open));
    let said: Vec<_> = said.iter().map(|(names, open)| (&**names, *open)).collect();
    let expected = [
        ("txn.x txn.e!", false),
        ("txn.x?", false),
        ("res.deep? req.wide", false),
        ("txn.x", true),
        ("txn.a!", true),
        ("txn.x res.deep!", false),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_handler_that_computes_names_may_set_any_variable() {
    #[spoe_message("m31", set = "txn.a")]
    fn by_attribute() -> Option<u8> {
        None
    }
    #[spoe_message("m32")]
    fn by_fields() -> Result<(Inner, Option<Outer>), HandlerError> {
        Ok((INNER, None))
    }
    #[spoe_message("m33")]
    fn by_constructor() -> Result<SetVar<u8>, HandlerError> {
        Ok(SetVar::transaction("a", 1))
    }
    #[spoe_message("m34")]
    fn nothing() {}
    #[spoe_message("m35")]
    fn only_unset() -> UnsetVar {
        UnsetVar::response("deep")
    }
    #[spoe_message("m36")]
    fn computed() -> SetVar<u8> {
        let name = format!("a{}", 1);
        SetVar::transaction(name, 1)
    }
    #[spoe_message("m37")]
    fn actions() -> (Inner, Actions) {
        (INNER, Actions::new())
    }
    #[spoe_message("m38")]
    fn own() -> Option<Any> {
        None
    }
    #[spoe_message("m39")]
    fn opaque() -> impl IntoActions {
        INNER
    }
    let closed = handlers![by_attribute, by_fields, by_constructor, nothing, only_unset];
    let open = handlers![computed, actions, own, opaque];
    let is_open = |it: &&Definition| it.description().open;
    let names = |it: &&Definition| it.function();
    let wrong: Vec<_> = closed.iter().filter(|it| is_open(it)).map(names).collect();
    assert_eq!(wrong, Vec::<&str>::new());
    let wrong: Vec<_> = open.iter().filter(|it| !is_open(it)).map(names).collect();
    assert_eq!(wrong, Vec::<&str>::new());
}
