//! The struct: a variable, or actions, for each field.

use crate::derive::attr::{self, ACTIONS, FLATTEN, SCOPE, VARIABLE};
use crate::derive::item::{self, Item};
use crate::errors::Errors;
use crate::haproxy::variables::{self, Scope};
use crate::options::Options;
use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{DeriveInput, Field, Member, Type};

pub(super) struct IntoActionsModel<'i> {
    pub(super) item: Item<'i>,
    /// The scope of the fields that have none of their own.
    pub(super) scope: OptionValue<Scope>,
    pub(super) parts: Vec<Part<'i>>,
    /// The options that belong to `FromMessage`.
    pub(super) others: Vec<(&'static str, Span)>,
}

/// One field.
pub(super) struct Part<'i> {
    pub(super) member: Member,
    pub(super) ty: &'i Type,
    pub(super) content: Content,
}

/// The content of a field.
pub(super) enum Content {
    Actions {
        /// The options that only a variable has.
        of_a_variable: Vec<(&'static str, Span)>,
    },
    Variable {
        scope: OptionValue<Scope>,
        name: Option<String>,
        /// The smallest token that gives the name.
        span: Span,
    },
    /// A mistake that is already reported.
    Wrong,
}

/// The value of an option.
#[derive(Clone, Copy)]
pub(super) enum OptionValue<T> {
    Nothing,
    /// A mistake that is already reported.
    Wrong,
    Value(T),
}

impl<T> OptionValue<T> {
    pub(super) fn value(self) -> Option<T> {
        match self {
            OptionValue::Value(value) => Some(value),
            OptionValue::Nothing | OptionValue::Wrong => None,
        }
    }
}

impl<'i> IntoActionsModel<'i> {
    pub(super) fn parse(input: &'i DeriveInput, errors: &mut Errors) -> Self {
        let before = errors.count();
        let options = attr::options(&input.attrs, &ACTIONS, errors);
        let fields = item::fields(
            input,
            "actions come from a struct with a field for each variable: derive `IntoActions` on a \
             struct, or write `impl IntoActions` for this type",
            errors,
        );
        let scope = match scope(&options, errors) {
            // The scope may be what is misspelt.
            OptionValue::Nothing if errors.count() > before => OptionValue::Wrong,
            scope => scope,
        };
        let mut others = Vec::new();
        let parts = fields.into_iter().flatten().enumerate();
        let parts = parts.map(|(index, field)| Part {
            member: item::member(field, index),
            ty: &field.ty,
            content: content(field, &mut others, errors),
        });
        let parts = parts.collect();
        IntoActionsModel {
            item: Item::new(input, &options),
            scope,
            parts,
            others,
        }
    }

    /// Returns the scope and name of the variable that a field sets.
    pub(super) fn variable<'m>(&self, part: &'m Part<'i>) -> Option<(Scope, &'m str)> {
        match &part.content {
            Content::Variable {
                scope,
                name: Some(name),
                ..
            } => {
                let scope = match scope {
                    OptionValue::Nothing => self.scope,
                    given => *given,
                };
                Some((scope.value()?, name))
            }
            _ => None,
        }
    }
}

fn content(field: &Field, others: &mut Vec<(&'static str, Span)>, errors: &mut Errors) -> Content {
    let before = errors.count();
    let options = attr::options(&field.attrs, &VARIABLE, errors);
    others.extend(options.others());
    if errors.count() > before {
        // A missing option may be a misspelt one.
        return Content::Wrong;
    }
    if options.span(&FLATTEN).is_some() {
        let name = options.first.as_ref().map(syn::spanned::Spanned::span);
        let name = name.map(|span| ("the name", span));
        let scope = options.span(&SCOPE).map(|span| ("`scope`", span));
        return Content::Actions {
            of_a_variable: name.into_iter().chain(scope).collect(),
        };
    }
    let (name, span) = match (&options.first, &field.ident) {
        (Some(first), _) => match crate::options::text(first) {
            Some(text) => (Some(text.value()), text.span()),
            None => {
                errors.on(
                    first,
                    "the name of a variable must be a string literal: write for instance \
                     `\"ip_score\"`",
                );
                return Content::Wrong;
            }
        },
        (None, Some(ident)) => (Some(ident.unraw().to_string()), ident.span()),
        (None, None) => (None, syn::spanned::Spanned::span(&field.ty)),
    };
    Content::Variable {
        scope: scope(&options, errors),
        name,
        span,
    }
}

fn scope(options: &Options, errors: &mut Errors) -> OptionValue<Scope> {
    let Some(text) = options.get(&SCOPE) else {
        return OptionValue::Nothing;
    };
    match variables::scope(&text.value()) {
        Ok(scope) => OptionValue::Value(scope),
        Err(problem) => {
            errors.at(text.span(), problem);
            OptionValue::Wrong
        }
    }
}
