//! Options that belong to another derive than the one that reads them: the type must have it.
//!
//! A derive sees the attributes, but not the other derives of its type, so that the traits have to tell.

use super::item::Item;
use crate::hygiene::private;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

/// The derive that the options belong to.
#[derive(Clone, Copy)]
pub(super) enum Derive {
    FromMessage,
    IntoActions,
}

/// Returns code that does not compile if the type lacks the derive that these options belong to.
pub(super) fn require(item: &Item<'_>, derive: Derive, others: &[(&str, Span)]) -> TokenStream {
    let checks = others
        .iter()
        .map(|(option, span)| require_one(item, derive, option, *span));
    quote!(#(#checks)*)
}

fn require_one(item: &Item<'_>, derive: Derive, option: &str, span: Span) -> TokenStream {
    let at_option = span.resolved_at(Span::mixed_site());
    let private = Ident::new(&private().to_string(), at_option);
    let (name, lifetime) = match derive {
        Derive::FromMessage => ("FromMessage", Some(&item.lifetime)),
        Derive::IntoActions => ("IntoActions", None),
    };
    let derived = Ident::new(name, at_option);
    let message = format!(
        "`{option}` is an option of `{name}`, which `{}` does not implement: remove it, or derive \
         `{name}`",
        item.input.ident
    );
    // All of it at the option, which is to blame.
    let parameters = lifetime.map(|_| quote_spanned!(at_option=> <'m>));
    let parameter = lifetime.map(|_| quote_spanned!(at_option=> 'm,));
    let (ident, lifetime) = (
        &item.input.ident,
        lifetime.map(|lifetime| quote!(<#lifetime>)),
    );
    let (_, type_generics, _) = item.input.generics.split_for_impl();
    let ty = moved(quote!(#ident #type_generics), span);
    let lifetime = lifetime.map(|lifetime| moved(lifetime, span));
    let generics = item.generics_with_lifetime();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote_spanned! {at_option=>
        #[allow(dead_code, clippy::extra_unused_lifetimes)]
        const _: () = {
            #[diagnostic::on_unimplemented(
                message = #message,
                label = "an option of a derive that is missing"
            )]
            trait __Derives #parameters {
                const CHECKED: () = ();
            }
            #[diagnostic::do_not_recommend]
            impl<#parameter T: #private::#derived #parameters> __Derives #parameters for T {}
            fn __check #impl_generics () #where_clause {
                <#ty as __Derives #lifetime>::CHECKED
            }
        };
    }
}

/// Moves tokens to a place, without a change of what they name.
fn moved(tokens: TokenStream, place: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| {
            let mut token = match token {
                TokenTree::Group(group) => {
                    let inner = moved(group.stream(), place);
                    TokenTree::Group(Group::new(group.delimiter(), inner))
                }
                token => token,
            };
            token.set_span(place.resolved_at(token.span()));
            token
        })
        .collect()
}
