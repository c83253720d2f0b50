//! A parameter of a handler, or a field of a struct of arguments: where its value comes from.
//!
//! The traits decide whether its type suits. Where a type is recognised by its name here, another name
//! costs at most a worse error: see [`is_of_message`], [`is_state`] and [`is_parse`].

use super::attr::{ArgAttribute, Fallback, Source, Spelling};
use super::sample::Sample;
use crate::errors::Errors;
use crate::syntax::{has_type_arguments, last_name};
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Pat, Type};

/// The trait through which a parameter is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamTrait {
    /// The trait that its type implements.
    Either,
    Value,
    Message,
}

/// A parameter or field.
pub(crate) struct Argument {
    pub(crate) source: Source,
    /// The smallest token that says where the value comes from.
    pub(crate) source_span: Span,
    pub(crate) kind: ParamTrait,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) sample: Option<Sample>,
    /// Whether a client may make the agent reject the message by this argument.
    pub(crate) reject: bool,
    /// Whether no line of the log may show it.
    pub(crate) secret: bool,
    pub(crate) spelling: Spelling,
    pub(crate) ty: Type,
}

impl Argument {
    /// From a parameter of a function.
    pub(crate) fn parameter(
        attrs: &mut Vec<Attribute>,
        pat: &Pat,
        ty: &Type,
        errors: &mut Errors,
    ) -> Self {
        let attribute = ArgAttribute::of_parameter(attrs, errors);
        Self::new(attribute, bound(pat), pat.span(), ty, "parameter", errors)
    }

    /// From a field of a struct.
    pub(crate) fn field(
        attribute: ArgAttribute,
        ident: Option<&Ident>,
        ty: &Type,
        errors: &mut Errors,
    ) -> Self {
        let span = ident.map_or_else(|| ty.span(), Ident::span);
        let bound = ident.map_or(Bound::Nothing, Bound::Name);
        Self::new(attribute, bound, span, ty, "field", errors)
    }

    fn new(
        attribute: ArgAttribute,
        bound: Bound<'_>,
        span: Span,
        ty: &Type,
        what: &str,
        errors: &mut Errors,
    ) -> Self {
        let attr = attribute.spelling.name();
        let (source, source_span, kind) = match (attribute.source, bound) {
            (Some((source, span)), _) => (source, span, ParamTrait::Value),
            (None, _) if !attribute.present && is_state(ty) => {
                (Source::Message, span, ParamTrait::Message)
            }
            (None, Bound::Name(ident)) => {
                let name = name_of(ident);
                let kind = if attribute.present || is_parse(ty) {
                    ParamTrait::Value
                } else {
                    ParamTrait::Either
                };
                (Source::Named(name), ident.span(), kind)
            }
            (None, Bound::Parts) if !attribute.present => {
                (Source::Message, span, ParamTrait::Message)
            }
            (None, Bound::Nothing) if !attribute.present && is_of_message(ty) => {
                (Source::Message, span, ParamTrait::Message)
            }
            (None, Bound::Parts | Bound::Nothing) if attribute.wrong => {
                (Source::Message, span, ParamTrait::Either)
            }
            (None, Bound::Parts | Bound::Nothing) => {
                errors.at(
                    span,
                    format_args!(
                        "this {what} does not say which argument it takes: give it the name of the \
                         argument, or write `#[{attr}(\"name\")]`, or `#[{attr}(index = 0)]` \
                         to take an unnamed one by its position"
                    ),
                );
                (Source::Message, span, ParamTrait::Either)
            }
        };
        Argument {
            source,
            source_span,
            kind,
            fallback: attribute.fallback,
            sample: attribute.sample,
            reject: attribute.reject,
            secret: attribute.secret,
            spelling: attribute.spelling,
            ty: ty.clone(),
        }
    }
}

/// Returns the name of a parameter's argument. A `_` at the start says only that the handler does not use
/// the argument.
fn name_of(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.trim_start_matches('_') {
        "" => name,
        argument => argument.to_owned(),
    }
}

/// The names that a pattern binds.
enum Bound<'p> {
    /// `ip`, or `State(db)`: one name.
    Name(&'p Ident),
    /// Several, as `Login { user, .. }`.
    Parts,
    /// `_`.
    Nothing,
}

fn bound(pat: &Pat) -> Bound<'_> {
    match pat {
        Pat::Ident(ident) => Bound::Name(&ident.ident),
        Pat::Wild(_) => Bound::Nothing,
        Pat::Paren(paren) => bound(&paren.pat),
        Pat::Type(typed) => bound(&typed.pat),
        Pat::TupleStruct(parts) => match (parts.elems.first(), parts.elems.len()) {
            (Some(only), 1) => bound(only),
            _ => Bound::Parts,
        },
        _ => Bound::Parts,
    }
}

/// Whether a type has the name of one that is made from the whole message, so that a parameter without a
/// name needs no argument. If the parameter has a name, the traits decide.
fn is_of_message(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| {
        ["Message", "Args", "Context", "State"]
            .iter()
            .any(|known| name == known)
    })
}

/// Whether a type has the name and shape of `State<'_, T>`. An argument cannot be one, so the error for a `T`
/// that cannot be shared can say so.
fn is_state(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "State") && has_type_arguments(ty)
}

/// Whether a type has the name and shape of `Parse<T>`. Only an argument becomes one, so the error for a `T`
/// that cannot be parsed can say so.
fn is_parse(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "Parse") && has_type_arguments(ty)
}
