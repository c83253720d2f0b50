//! The type that an argument becomes.

use crate::derive::attr::{self, TYPE, VARIANT};
use crate::derive::item::{self, Item};
use crate::errors::Errors;
use crate::options::text;
use crate::syntax::{is_named, kebab};
use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Member, Meta, Type, Variant};

pub(super) struct FromValueModel<'i> {
    pub(super) item: Item<'i>,
    pub(super) shape: Shape<'i>,
    /// The options that belong to `IntoActions`.
    pub(super) others: Vec<(&'static str, Span)>,
}

/// The two kinds of types that can have the derive.
pub(super) enum Shape<'i> {
    Newtype(Member, &'i Type),
    Texts(Vec<Text<'i>>),
    /// Something that cannot have the derive, as an error says.
    Neither,
}

/// A variant, and the text that becomes it.
pub(super) struct Text<'i> {
    pub(super) text: String,
    /// The attribute or the name of the variant, whichever gives the text.
    pub(super) span: Span,
    pub(super) variant: &'i Ident,
}

impl<'i> FromValueModel<'i> {
    pub(super) fn parse(input: &'i DeriveInput, errors: &mut Errors) -> Self {
        let options = attr::options(&input.attrs, &TYPE, errors);
        let mut others: Vec<_> = options.others().collect();
        let shape = match &input.data {
            Data::Struct(data) => newtype(input, &data.fields, &mut others, errors),
            Data::Enum(data) => Shape::Texts(
                data.variants
                    .iter()
                    .filter_map(|variant| variant_text(variant, errors))
                    .collect(),
            ),
            Data::Union(data) => {
                errors.on(
                    data.union_token,
                    "derive `FromValue` on a struct with one field or an enum of texts, or write \
                     `impl FromValue` for this type",
                );
                Shape::Neither
            }
        };
        FromValueModel {
            item: Item::new(input, &options),
            shape,
            others,
        }
    }
}

fn newtype<'i>(
    input: &DeriveInput,
    fields: &'i Fields,
    others: &mut Vec<(&'static str, Span)>,
    errors: &mut Errors,
) -> Shape<'i> {
    let mut all = fields.iter();
    match (all.next(), all.next()) {
        (Some(field), None) => {
            field_options(input, field, others, errors);
            return Shape::Newtype(item::member(field, 0), &field.ty);
        }
        (_, Some(second)) => errors.on(
            second
                .ident
                .as_ref()
                .map_or_else(|| second.ty.to_token_stream(), ToTokens::to_token_stream),
            "an argument has one value: remove all fields but one, or derive `FromMessage` to take \
             one argument for each field",
        ),
        (None, _) => errors.at(
            input.ident.span(),
            "this struct has no field for the value: write for instance `struct UserId(u64);`",
        ),
    }
    Shape::Neither
}

/// Reads the options of the field of a newtype. None belong to this derive: those of arguments are written where
/// the type is used, and those of variables belong to `IntoActions`.
fn field_options(
    input: &DeriveInput,
    field: &Field,
    others: &mut Vec<(&'static str, Span)>,
    errors: &mut Errors,
) {
    for attribute in field.attrs.iter().filter(|it| is_named(it, "spoa")) {
        let first = match &attribute.meta {
            Meta::List(list) => list.tokens.clone().into_iter().next(),
            _ => None,
        };
        let word = first.as_ref().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "scope" => others.push(("scope", attribute.span())),
            "flatten" => others.push(("flatten", attribute.span())),
            _ if matches!(first, Some(TokenTree::Literal(_))) => {
                others.push(("#[spoa(\"name\")]", attribute.span()));
            }
            _ => errors.on(
                attribute,
                format_args!(
                    "the field of this type has no options: write them where an argument has the \
                     type `{}`, in `#[arg(…)]` before a parameter or `#[spoa(…)]` before a field",
                    input.ident
                ),
            ),
        }
    }
}

/// The text of a variant: what `#[spoa("…")]` says, or its name in kebab case.
fn variant_text<'i>(variant: &'i Variant, errors: &mut Errors) -> Option<Text<'i>> {
    if !variant.fields.is_empty() {
        errors.on(
            &variant.fields,
            "each variant stands for one text, so it cannot have fields: remove them, or write \
             `impl FromValue` for this type",
        );
        return None;
    }
    let before = errors.count();
    let options = attr::options(&variant.attrs, &VARIANT, errors);
    if errors.count() > before {
        return None;
    }
    let name = &variant.ident;
    let (text, span) = match &options.first {
        None => (kebab(&name.unraw().to_string()), name.span()),
        Some(first) => {
            let Some(literal) = text(first) else {
                let shown = first.to_token_stream().to_string();
                errors.on(
                    first,
                    format_args!(
                        "the text of a variant must be a string literal: write `\"{shown}\"`"
                    ),
                );
                return None;
            };
            (literal.value(), literal.span())
        }
    };
    Some(Text {
        text,
        span,
        variant: name,
    })
}
