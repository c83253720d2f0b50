//! The rules for arguments, each after its reason.

use super::attr::Source;
use super::model::Argument;
use crate::errors::Errors;
use crate::syntax::{find_static, peel};
use syn::Type;

/// Reports what is wrong with arguments; `what` says what they are, in the plural.
pub(crate) fn check(arguments: &[Argument], what: &str, errors: &mut Errors) {
    for argument in arguments {
        type_of_argument(&argument.ty, errors);
    }
    distinct(arguments, what, errors);
}

/// A second parameter for one argument is almost always a slip.
fn distinct(arguments: &[Argument], what: &str, errors: &mut Errors) {
    for (i, argument) in arguments.iter().enumerate() {
        let taken = arguments
            .iter()
            .take(i)
            .any(|before| before.source == argument.source);
        match &argument.source {
            Source::Named(name) if taken => errors.at(
                argument.source_span,
                format_args!("two {what} take the argument `{name}`: remove one of them"),
            ),
            Source::At(index) if taken => errors.at(
                argument.source_span,
                format_args!(
                    "two {what} take the argument at position {index}: remove one of them"
                ),
            ),
            _ => {}
        }
    }
}

fn type_of_argument(ty: &Type, errors: &mut Errors) {
    if let Some(span) = find_static(ty) {
        errors.at(
            span,
            "a handler borrows from the message, which does not live for `'static`: remove the \
             lifetime, as in `&str`, or take a type that owns its data, such as `String`",
        );
    }
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => errors.on(
            reference.mutability,
            "a handler cannot change a message: take `&str` or `&[u8]`, or a type that owns its \
             data, such as `String`; for shared data that changes take `State<'_, Mutex<…>>`",
        ),
        Type::ImplTrait(opaque) => errors.on(
            opaque.impl_token,
            "the type of a parameter says how the argument is converted, so it cannot be `impl \
             Trait`: write for instance `&str`",
        ),
        _ => {}
    }
}
