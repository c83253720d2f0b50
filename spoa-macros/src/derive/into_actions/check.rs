//! The rules for the parts of the struct together, each after its reason.

use super::model::{Content, IntoActionsModel, OptionValue, Part};
use crate::errors::Errors;
use crate::haproxy::variables;
use proc_macro2::Span;

pub(super) fn check(model: &IntoActionsModel<'_>, errors: &mut Errors) {
    for (place, part) in model.parts.iter().enumerate() {
        match &part.content {
            Content::Actions { of_a_variable } => flatten(of_a_variable, errors),
            Content::Variable { name: None, .. } => errors.on(
                part.ty,
                "this field has no name: write `#[spoa(\"ip_score\")]`",
            ),
            Content::Variable { scope, span, .. } => {
                if let (OptionValue::Nothing, OptionValue::Nothing) = (scope, model.scope) {
                    no_scope(*span, errors);
                } else {
                    variable(model, part, place, *span, errors);
                }
            }
            Content::Wrong => {}
        }
    }
}

/// The variables of a flattened field have names and scopes of their own.
fn flatten(of_a_variable: &[(&str, Span)], errors: &mut Errors) {
    for (option, span) in of_a_variable {
        errors.at(
            *span,
            format_args!("a field with `flatten` has variables of its own: remove {option}"),
        );
    }
}

/// HAProxy has no scope that would do for all variables.
fn no_scope(span: Span, errors: &mut Errors) {
    errors.at(
        span,
        "this variable has no scope: write `#[spoa(scope = \"txn\")]` above the struct for all of \
         its fields, or above this one (`proc`, `sess`, `txn`, `req` or `res`)",
    );
}

/// HAProxy drops a name that it does not accept, and of two values for one variable the first is lost.
fn variable(
    model: &IntoActionsModel<'_>,
    part: &Part<'_>,
    place: usize,
    span: Span,
    errors: &mut Errors,
) {
    let Some((scope, name)) = model.variable(part) else {
        return;
    };
    if let Err(problem) = variables::variable(scope, name) {
        errors.at(span, problem);
        return;
    }
    let mut before = model.parts.iter().take(place);
    if before.any(|before| model.variable(before) == Some((scope, name))) {
        errors.at(
            span,
            format_args!(
                "`{}.{name}` is set by two fields: give one of them another name",
                scope.name()
            ),
        );
    }
}
