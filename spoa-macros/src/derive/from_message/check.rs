//! The rules for the parts of the struct together, each after its reason.

use super::model::FromMessageModel;
use crate::argument;
use crate::errors::Errors;
use syn::GenericParam;

pub(super) fn check(model: &FromMessageModel<'_>, errors: &mut Errors) {
    generics(model, errors);
    some_field(model, errors);
    argument::check(&model.arguments, "fields", errors);
    model.item.check_lifetimes(errors);
}

/// The compiler could not tell whether a type parameter is an argument or a whole message.
fn generics(model: &FromMessageModel<'_>, errors: &mut Errors) {
    for param in &model.item.input.generics.params {
        let ident = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => &param.ident,
            GenericParam::Const(param) => &param.ident,
        };
        errors.at(
            ident.span(),
            "a struct of arguments can have a lifetime, but no other parameters: write the \
             concrete type of the field",
        );
    }
}

fn some_field(model: &FromMessageModel<'_>, errors: &mut Errors) {
    if model.has_fields && model.arguments.is_empty() {
        errors.at(
            model.item.input.ident.span(),
            "this struct takes nothing from a message: give it a field for each argument",
        );
    }
}
