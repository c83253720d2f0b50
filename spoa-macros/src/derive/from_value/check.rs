//! The rules for the parts of the type together, each after its reason.

use super::model::{FromValueModel, Shape, Text};
use crate::errors::Errors;
use syn::{Data, GenericParam};

pub(super) fn check(model: &FromValueModel<'_>, errors: &mut Errors) {
    if let Shape::Texts(texts) = &model.shape {
        generics(model, errors);
        some_variant(model, errors);
        distinct(texts, errors);
    }
    model.item.check_lifetimes(errors);
}

/// The variants have no fields, so no parameter could be used.
fn generics(model: &FromValueModel<'_>, errors: &mut Errors) {
    for param in &model.item.input.generics.params {
        if let GenericParam::Type(syn::TypeParam { ident, .. })
        | GenericParam::Const(syn::ConstParam { ident, .. }) = param
        {
            errors.at(
                ident.span(),
                "an enum of texts has no parameters: remove this one",
            );
        }
    }
}

fn some_variant(model: &FromValueModel<'_>, errors: &mut Errors) {
    if let Data::Enum(data) = &model.item.input.data {
        if data.variants.is_empty() {
            errors.at(
                model.item.input.ident.span(),
                "this enum has no variants: write one for each text that the argument can be",
            );
        }
    }
}

/// A text becomes one variant.
fn distinct(texts: &[Text<'_>], errors: &mut Errors) {
    for (place, text) in texts.iter().enumerate() {
        let mut before = texts.iter().take(place);
        if let Some(first) = before.find(|before| before.text == text.text) {
            errors.at(
                text.span,
                format_args!(
                    "`\"{}\"` is the text of `{}` already: give this variant another one",
                    text.text, first.variant
                ),
            );
        }
    }
}
