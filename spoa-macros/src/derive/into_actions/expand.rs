//! The implementation of `IntoActions`.
//!
//! It cannot fail, because its input has been checked.

use super::model::{Content, IntoActionsModel, Part};
use crate::derive::other_derive::{self, Derive};
use crate::haproxy::variables::variant;
use crate::hygiene::{hygienic, ours, private};
use crate::syntax::{shown, timeless};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn implementation(model: &IntoActionsModel<'_>) -> TokenStream {
    let private = private();
    let writes = model.parts.iter().map(|part| write(model, part));
    let body = hygienic!(#(#writes)* #private::Ok(()));
    let description = ours("description");
    let describes = model.parts.iter().map(|part| describe(model, part));
    let describe = hygienic! {
        fn describe(#description: &mut #private::Description) {
            #(#describes)*
        }
    };
    let implementation = implement(model, &model.parts, &body, &describe);
    let others = other_derive::require(&model.item, Derive::FromMessage, &model.others);
    model.item.enclosed(&quote!(#implementation #others))
}

/// Returns an implementation for a struct with mistakes, so that its users cause no second error.
pub(super) fn stub(model: &IntoActionsModel<'_>) -> TokenStream {
    let private = private();
    let body = quote!(#private::stub());
    let stub = implement(model, &[], &body, &TokenStream::new());
    model.item.enclosed(&stub)
}

fn write(model: &IntoActionsModel<'_>, part: &Part<'_>) -> TokenStream {
    let (private, out) = (private(), ours("out"));
    let Part { member, ty, .. } = part;
    // At the type, where the compiler then reports an unsuitable one.
    let span = ty.span().resolved_at(Span::mixed_site());
    match model.variable(part) {
        Some((scope, name)) => {
            let scope = ours(&variant(scope));
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
}

fn describe(model: &IntoActionsModel<'_>, part: &Part<'_>) -> TokenStream {
    let (private, description) = (private(), ours("description"));
    let ty = part.ty;
    let span = ty.span().resolved_at(Span::mixed_site());
    match model.variable(part) {
        Some((scope, name)) => {
            let scope = ours(&variant(scope));
            let rust_type = shown(timeless(ty.to_token_stream()));
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
        None => quote_spanned!(span=> <#ty as #private::IntoActions>::describe(#description);),
    }
}

fn implement(
    model: &IntoActionsModel<'_>,
    parts: &[Part<'_>],
    body: &TokenStream,
    describe: &TokenStream,
) -> TokenStream {
    let private = private();
    let ident = &model.item.input.ident;
    let mut generics = model.item.input.generics.clone();
    // Without type parameters the bounds are left to the body, where an unsuitable type is reported.
    if generics.type_params().next().is_some() {
        let clause = generics.make_where_clause();
        for Part { ty, content, .. } in parts {
            let bound = match content {
                Content::Variable { .. } => quote!(Variable),
                _ => quote!(IntoActions),
            };
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
