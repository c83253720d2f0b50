//! The rules for the parts of a handler together, each after its reason.
//!
//! The checks remove syntax that the compiler would report again, and change nothing else.

use super::attr::{Attribute, AttributeKind};
use super::model::Function;
use crate::argument;
use crate::errors::Errors;
use crate::syntax::{find_self, is_named, last_name};
use quote::ToTokens;
use syn::{GenericParam, ReturnType, Safety};

pub(crate) fn check(attribute: &Attribute, function: &mut Function, errors: &mut Errors) {
    argument::check(&function.arguments, "parameters", errors);
    qualifiers(function, errors);
    generics(function, errors);
    owner(function, errors);
    one_attribute(function, errors);
    set(attribute, function, errors);
    timing(attribute, function, errors);
    sending(attribute, errors);
    samples(attribute, function, errors);
    for (span, problem) in std::mem::take(&mut function.scan.problems) {
        errors.at(span, problem);
    }
}

/// The agent calls a handler as any safe Rust function, with arguments that arrive at run time.
fn qualifiers(function: &mut Function, errors: &mut Errors) {
    let sig = &mut function.sig;
    // Only an unsafe and foreign function can have one, and the compiler has its own words for it.
    if let Some(variadic) = sig.variadic.take() {
        errors.on(
            variadic.dots,
            "a handler has a fixed number of parameters: for any number of arguments take \
             `args: Args<'_>`",
        );
        return;
    }
    if let Safety::Unsafe(unsafety) = &sig.safety {
        errors.on(
            unsafety,
            "the agent calls a handler with data from the network, so it must be safe: remove \
             `unsafe`, and use `unsafe { … }` in the body where it is needed",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.on(abi, "only Rust code calls a handler: remove `extern`");
    }
}

/// No caller chooses the types of a generic handler: the message comes from the network. Lifetimes are
/// those of the message.
fn generics(function: &Function, errors: &mut Errors) {
    for param in &function.sig.generics.params {
        match param {
            GenericParam::Lifetime(_) => {}
            GenericParam::Type(param) => errors.at(
                param.ident.span(),
                format_args!(
                    "a handler cannot be generic, because no caller chooses `{}`: write a concrete \
                     type",
                    param.ident
                ),
            ),
            GenericParam::Const(param) => errors.at(
                param.ident.span(),
                format_args!(
                    "a handler cannot be generic, because no caller chooses `{}`: write a `const` \
                     outside the function",
                    param.ident
                ),
            ),
        }
    }
}

/// An `impl` cannot contain the struct beside the function. A method without a receiver is recognised by
/// `Self` in its signature, if it has one.
fn owner(function: &Function, errors: &mut Errors) {
    if function.sig.receiver().is_some() {
        return;
    }
    if let Some(span) = find_self(function.sig.to_token_stream()) {
        errors.at(
            span,
            "a handler cannot be a method: write a free function outside the `impl`",
        );
    }
}

/// The struct beside the function has one definition.
fn one_attribute(function: &mut Function, errors: &mut Errors) {
    function.attrs.retain(|attr| {
        let second = is_named(attr, "spoe_message") || is_named(attr, "spoe_fallback");
        if second {
            errors.on(
                attr.path(),
                "a function handles one message: write a second function for the other one, which may \
                 call this one",
            );
        }
        !second
    });
}

/// With `set` the function returns the value, without it the action.
fn set(attribute: &Attribute, function: &Function, errors: &mut Errors) {
    let Some((_, span)) = attribute.set else {
        return;
    };
    match &function.sig.output {
        ReturnType::Default => errors.at(
            span,
            "`set` writes the returned value, and this function returns nothing: add a return type, \
             for instance `-> u8`",
        ),
        ReturnType::Type(_, ty) => {
            let action = last_name(ty).filter(|name| {
                ["SetVar", "UnsetVar", "Actions"]
                    .iter()
                    .any(|action| name == action)
            });
            if let Some(action) = action {
                errors.on(
                    ty,
                    format_args!(
                        "`set` already names the variable: return only its value, for instance `u8` \
                         instead of `{action}`, or remove `set`"
                    ),
                );
            }
        }
    }
}

fn timing(attribute: &Attribute, function: &Function, errors: &mut Errors) {
    let asynchronous = function.sig.asyncness.is_some();
    // An async function that blocks should be a function that is not async.
    if let (Some(span), true) = (attribute.blocking, asynchronous) {
        errors.at(
            span,
            "`blocking` is for functions that are not async: remove `blocking` or `async`",
        );
    }
    // A function that runs in place gives its thread back when it returns, not sooner.
    if let (Some((_, span)), None, false) = (attribute.timeout, attribute.blocking, asynchronous) {
        errors.at(
            span,
            "`timeout` cannot interrupt a function that is not async: make it an `async fn`, or add \
             `blocking`, which runs it on a thread for blocking work",
        );
    }
}

/// The fallback answers messages of many names, so their events are unknown. A message with an event and
/// a group would be sent twice, and a condition belongs to one of them.
fn sending(attribute: &Attribute, errors: &mut Errors) {
    let Attribute {
        event,
        condition,
        group,
        ..
    } = attribute;
    if attribute.kind == AttributeKind::Fallback {
        for (key, given) in [("event", event), ("condition", condition), ("group", group)] {
            if let Some((_, span)) = given {
                errors.at(
                    *span,
                    format_args!(
                        "the fallback answers messages of any name, so HAProxy cannot be told when \
                         to send them: remove `{key}`"
                    ),
                );
            }
        }
        return;
    }
    match (event, condition, group) {
        (Some(_), _, Some((_, span))) => errors.at(
            *span,
            "HAProxy would send this message twice, at its event and when a rule sends its group: \
             keep `event` or `group`",
        ),
        (None, Some((_, span)), None) => errors.at(
            *span,
            "`condition` needs the event that it belongs to: add `event = \
             \"on-frontend-http-request\"`, or the `group` that a rule sends",
        ),
        _ => {}
    }
}

/// HAProxy refuses a message with a sample that is not available at its event.
fn samples(attribute: &Attribute, function: &Function, errors: &mut Errors) {
    let event = attribute.event.as_ref();
    let Some(event) = event.and_then(|(event, _)| event.parse().ok()) else {
        return;
    };
    for sample in function
        .arguments
        .iter()
        .filter_map(|argument| argument.sample.as_ref())
    {
        sample.check_event(event, errors);
    }
}
