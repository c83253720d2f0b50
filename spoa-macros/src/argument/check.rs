//! What must hold of arguments, each rule under its reason.

use super::attr::Source;
use super::model::Argument;
use crate::errors::Errors;
use crate::syntax::{find_static, peel};
use syn::Type;

/// Reports what is wrong with arguments; `what` they are is in the plural.
pub(crate) fn check(arguments: &[Argument], what: &str, errors: &mut Errors) {
    for argument in arguments {
        type_of_argument(&argument.ty, errors);
    }
    distinct(arguments, what, errors);
}

/// Two parameters that take the same argument: the second is a slip, as a rule.
fn distinct(arguments: &[Argument], what: &str, errors: &mut Errors) {
    for (i, argument) in arguments.iter().enumerate() {
        let taken = arguments
            .iter()
            .take(i)
            .any(|before| before.source == argument.source);
        match &argument.source {
            Source::Named(name) if taken => errors.at(
                argument.source_span,
                format_args!("argument `{name}` is taken by two {what}: take it once"),
            ),
            Source::At(index) if taken => errors.at(
                argument.source_span,
                format_args!("the argument at place {index} is taken by two {what}: take it once"),
            ),
            _ => {}
        }
    }
}

fn type_of_argument(ty: &Type, errors: &mut Errors) {
    if let Some(span) = find_static(ty) {
        errors.at(
            span,
            "what a handler borrows lives as long as the message, not for `'static`: leave the \
             lifetime out, as in `&str`, or take what owns its data, as `String`",
        );
    }
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => errors.on(
            reference.mutability,
            "a handler cannot change a message: take `&str` or `&[u8]`, or what owns its data, as \
             `String`; shared data that changes goes in `State<'_, Mutex<…>>`",
        ),
        Type::ImplTrait(opaque) => errors.on(
            opaque.impl_token,
            "the type of a parameter says how the argument is converted, so it must be named: \
             write for instance `&str`",
        ),
        _ => {}
    }
}
