//! The implementation of `FromMessage`.
//!
//! It cannot fail, because its input has been checked.

use super::model::FromMessageModel;
use crate::argument;
use crate::derive::other_derive::{self, Derive};
use crate::hygiene::{Names, hygienic, ours, private};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn implementation(model: &FromMessageModel<'_>) -> TokenStream {
    let FromMessageModel {
        item,
        arguments,
        members,
        ..
    } = model;
    let names = names(model);
    let private = &names.private;
    let take = argument::take(arguments, &names);
    let variables = argument::variables(arguments);
    let body = hygienic! {
        'run: {
            let (#(#variables,)*) = #take;
            #private::Ok(Self { #(#members: #variables),* })
        }
    };
    let description = ours("description");
    let describe = argument::describe(arguments, None, &names, &description);
    let own = arguments
        .iter()
        .filter_map(|argument| argument.sample.as_ref());
    let own = own.fold(u8::MAX, |events, sample| events & sample.events());
    let nested = argument::events(arguments, &names).map(|(_, events)| events);
    let describe = hygienic! {
        fn describe(#description: &mut #private::Description) {
            #describe
        }

        const EVENTS: #private::Events = #own #(& #nested)*;
    };
    let implementation = implement(model, &names, &body, &describe);
    let others = other_derive::require(item, Derive::IntoActions, &model.others);
    item.enclosed(&quote!(#implementation #others))
}

/// Returns an implementation for a struct with mistakes, so that its users cause no second error.
pub(super) fn stub(model: &FromMessageModel<'_>) -> TokenStream {
    let names = names(model);
    let private = &names.private;
    let body = quote!(#private::stub());
    model
        .item
        .enclosed(&implement(model, &names, &body, &TokenStream::new()))
}

fn names(model: &FromMessageModel<'_>) -> Names {
    let lifetime = &model.item.lifetime;
    Names {
        private: private(),
        request: ours("request"),
        lifetime: quote!(#lifetime),
        foreign: Vec::new(),
    }
}

fn implement(
    model: &FromMessageModel<'_>,
    names: &Names,
    body: &TokenStream,
    describe: &TokenStream,
) -> TokenStream {
    let Names {
        private,
        request,
        lifetime,
        ..
    } = names;
    let input = model.item.input;
    let ident = &input.ident;
    let (_, type_generics, where_clause) = input.generics.split_for_impl();
    let generics = model.item.generics_with_lifetime();
    let (impl_generics, ..) = generics.split_for_impl();
    hygienic! {
        #[automatically_derived]
        #[allow(elided_lifetimes_in_paths, deprecated)]
        impl #impl_generics #private::FromMessage<#lifetime> for #ident #type_generics #where_clause {
            #[inline]
            fn from_message(
                #request: &#private::IncomingMessage<#lifetime>,
            ) -> #private::Result<Self, #private::Failure> {
                #body
            }

            #describe
        }
    }
}
