//! `#[derive(IntoActions)]`: a struct whose fields are variables.
//!
//! It must not know what a type means.

use super::{CRATE, enclosed, fields};
use crate::errors::Errors;
use crate::haproxy::variables::{self, Scope};
use crate::hygiene::{hygienic, ours, private};
use crate::options::{Known, Options, Table, Takes};
use crate::syntax::{shown, timeless};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Field, Index, Member, Type};

const SCOPE: Known = Known::new("scope", Takes::Text, "scope = \"txn\"");

const STRUCT_TABLE: Table = Table {
    first: None,
    known: &[SCOPE, CRATE],
};

const FIELD_TABLE: Table = Table {
    first: None,
    known: &[
        Known::new("name", Takes::Text, "name = \"ip_score\""),
        SCOPE,
        Known::new("flatten", Takes::Nothing, "flatten"),
    ],
};

/// One field.
struct Part<'i> {
    member: Member,
    ty: &'i Type,
    /// `None` for a field of actions.
    variable: Option<(Scope, String)>,
}

pub(crate) fn into_actions(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let options = super::options(&input.attrs, "vars", &STRUCT_TABLE, &mut errors);
    let fields = fields(
        input,
        "actions come from a struct with a field for each variable: derive `IntoActions` on a \
         struct, or write `impl IntoActions` for this type",
        &mut errors,
    );
    let default = scope(&options, &mut errors);
    let mut parts = Vec::new();
    // A scope that was to be given and is wrong has its error already.
    let has_default = options.span("scope").is_some() || !errors.is_empty();
    for (index, field) in fields.into_iter().flatten().enumerate() {
        let part = part(field, index, default, has_default, &parts, &mut errors);
        parts.extend(part);
    }
    let private = private();
    if errors.is_empty() {
        enclosed(&options, &expand(input, &private, &parts))
    } else {
        let errors = errors.into_tokens();
        let stub = implement(
            input,
            &private,
            &[],
            &quote!(#private::stub()),
            &TokenStream::new(),
        );
        let stub = enclosed(&options, &stub);
        quote!(#errors #stub)
    }
}

fn scope(options: &Options, errors: &mut Errors) -> Option<Scope> {
    let text = options.text("scope")?;
    match variables::scope(&text.value()) {
        Ok(scope) => Some(scope),
        Err(problem) => {
            errors.at(text.span(), problem);
            None
        }
    }
}

fn part<'i>(
    field: &'i Field,
    index: usize,
    default: Option<Scope>,
    has_default: bool,
    before: &[Part<'i>],
    errors: &mut Errors,
) -> Option<Part<'i>> {
    let before_options = errors.count();
    let options = super::options(&field.attrs, "var", &FIELD_TABLE, errors);
    if errors.count() > before_options {
        // What is missing may be what is wrong.
        return None;
    }
    let member = match &field.ident {
        Some(ident) => Member::Named(ident.clone()),
        None => Member::Unnamed(Index::from(index)),
    };
    let ty = &field.ty;
    if options.span("flatten").is_some() {
        for key in ["name", "scope"] {
            if let Some(span) = options.span(key) {
                errors.at(
                    span,
                    format_args!(
                        "with `flatten` the field has variables of its own: take `{key}` out"
                    ),
                );
            }
        }
        return Some(Part {
            member,
            ty,
            variable: None,
        });
    }
    let (name, span) = match (options.text("name"), &field.ident) {
        (Some(text), _) => (text.value(), text.span()),
        (None, Some(ident)) => (ident.unraw().to_string(), ident.span()),
        (None, None) => {
            errors.on(
                ty,
                "this field has no name: write `#[var(name = \"ip_score\")]`",
            );
            return None;
        }
    };
    let own = options.span("scope").is_some();
    let scope = scope(&options, errors);
    if scope.is_none() && !own && !has_default {
        errors.at(
            span,
            "this variable has no scope: write `#[vars(scope = \"txn\")]` above the struct for \
             all of its fields, or `#[var(scope = \"txn\")]` for this one (`proc`, `sess`, `txn`, \
             `req` or `res`)",
        );
    }
    let scope = if own { scope } else { default }?;
    if let Err(problem) = variables::variable(scope, &name) {
        errors.at(span, problem);
        return None;
    }
    let variable = (scope, name);
    if before
        .iter()
        .any(|part| part.variable.as_ref() == Some(&variable))
    {
        let (scope, name) = &variable;
        errors.at(
            span,
            format_args!(
                "`{}.{name}` is set by two fields: give one of them another name",
                scope.name
            ),
        );
    }
    Some(Part {
        member,
        ty,
        variable: Some(variable),
    })
}

fn expand(input: &DeriveInput, private: &Ident, parts: &[Part<'_>]) -> TokenStream {
    let out = ours("out");
    let writes = parts.iter().map(
        |Part {
             member,
             ty,
             variable,
         }| {
            // At the type: there the compiler reports one that will not do.
            let span = ty.span().resolved_at(Span::mixed_site());
            match variable {
                Some((scope, name)) => {
                    let scope = ours(scope.variant);
                    quote_spanned! {span=>
                        <#ty as #private::Variable>::write(
                            self.#member, #private::Scope::#scope, #name, #out,
                        )?;
                    }
                }
                None => quote_spanned! {span=>
                    <#ty as #private::IntoActions>::into_actions(self.#member, #out)?;
                },
            }
        },
    );
    let body = hygienic!(#(#writes)* #private::Ok(()));
    let description = ours("description");
    let describes = parts
        .iter()
        .map(|Part { ty, variable, .. }| match variable {
            Some((scope, name)) => {
                let scope = ours(scope.variant);
                let rust_type = shown(timeless(ty.to_token_stream()));
                let span = ty.span().resolved_at(Span::mixed_site());
                let presence = quote_spanned!(span=> <#ty as #private::Variable>::presence());
                hygienic! {
                    #description.variable(#private::VariableDescription {
                        scope: #private::Scope::#scope,
                        name: #name,
                        rust_type: #private::Some(#rust_type),
                        presence: #presence,
                    });
                }
            }
            None => {
                let span = ty.span().resolved_at(Span::mixed_site());
                quote_spanned!(span=> <#ty as #private::IntoActions>::describe(#description);)
            }
        });
    let describe = hygienic! {
        fn describe(#description: &mut #private::Description) {
            #(#describes)*
        }
    };
    implement(input, private, parts, &body, &describe)
}

fn implement(
    input: &DeriveInput,
    private: &Ident,
    parts: &[Part<'_>],
    body: &TokenStream,
    describe: &TokenStream,
) -> TokenStream {
    let ident: &Ident = &input.ident;
    let mut generics = input.generics.clone();
    // Without type parameters the bounds are left to the body, where an unsuitable type is reported.
    if generics.type_params().next().is_some() {
        let clause = generics.make_where_clause();
        for Part { ty, variable, .. } in parts {
            let bound = if variable.is_some() {
                quote!(Variable)
            } else {
                quote!(IntoActions)
            };
            let ty = ty.to_token_stream();
            clause
                .predicates
                .push(syn::parse_quote!(#ty: #private::#bound));
        }
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let out = ours("out");
    hygienic! {
        #[automatically_derived]
        #[allow(elided_lifetimes_in_paths, deprecated)]
        impl #impl_generics #private::IntoActions for #ident #type_generics #where_clause {
            fn into_actions(
                self,
                #out: &mut #private::ActionWriter<'_>,
            ) -> #private::Result<(), #private::Failure> {
                #body
            }

            #describe
        }
    }
}
