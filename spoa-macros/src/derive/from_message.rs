//! `#[derive(FromMessage)]`: a struct whose fields are the arguments of a message.
//!
//! It must not know what a type means.

use super::{CRATE_ONLY, enclosed, fields, lifetime};
use crate::argument::{self, Argument};
use crate::errors::Errors;
use crate::hygiene::{Names, hygienic, ours, private};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Fields, GenericParam, Index, Member};

pub(crate) fn from_message(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let options = super::options(&input.attrs, "arg", &CRATE_ONLY, &mut errors);
    let fields = fields(
        input,
        "a message becomes a struct with a field for each argument: derive `FromMessage` on a \
         struct, or write `impl FromMessage` for this type",
        &mut errors,
    );
    generics(input, &mut errors);
    let arguments = fields
        .map(|fields| arguments(input, fields, &mut errors))
        .unwrap_or_default();
    argument::check(&arguments, "fields", &mut errors);
    let names = Names {
        private: private(),
        request: ours("request"),
        lifetime: {
            let lifetime = lifetime(input, &mut errors);
            quote!(#lifetime)
        },
        foreign: Vec::new(),
    };
    let private = &names.private;
    if !errors.is_empty() {
        let errors = errors.into_tokens();
        let stub = implement(
            input,
            &names,
            &quote!(#private::stub()),
            &TokenStream::new(),
        );
        let stub = enclosed(&options, &stub);
        return quote!(#errors #stub);
    }
    let take = argument::take(&arguments, &names);
    let variables = argument::variables(&arguments);
    let members = fields
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, field)| match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(index)),
        });
    let body = hygienic! {
        'run: {
            let (#(#variables,)*) = #take;
            #private::Ok(Self { #(#members: #variables),* })
        }
    };
    let description = ours("description");
    let describe = argument::describe(&arguments, &names, &description);
    let own = arguments
        .iter()
        .filter_map(|argument| argument.sample.as_ref());
    let own = own.fold(u8::MAX, |events, sample| events & sample.events());
    let nested = argument::events(&arguments, &names).map(|(_, events)| events);
    let describe = hygienic! {
        fn describe(#description: &mut #private::Description) {
            #describe
        }

        const EVENTS: #private::Events = #own #(& #nested)*;
    };
    let implementation = implement(input, &names, &body, &describe);
    enclosed(&options, &implementation)
}

fn arguments(input: &DeriveInput, fields: &Fields, errors: &mut Errors) -> Vec<Argument> {
    if fields.is_empty() {
        errors.at(
            input.ident.span(),
            "this struct takes nothing from a message: give it a field for each argument",
        );
    }
    fields
        .iter()
        .map(|field| Argument::field(&field.attrs, field.ident.as_ref(), &field.ty, errors))
        .collect()
}

/// The compiler could not tell whether a type parameter is an argument or a whole message.
fn generics(input: &DeriveInput, errors: &mut Errors) {
    for param in &input.generics.params {
        let ident = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => &param.ident,
            GenericParam::Const(param) => &param.ident,
        };
        errors.at(
            ident.span(),
            "a struct of arguments can have a lifetime, but no other parameters: write the type \
             that the field is to have",
        );
    }
}

fn implement(
    input: &DeriveInput,
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
    let ident = &input.ident;
    let (_, type_generics, where_clause) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    if generics.lifetimes().next().is_none() {
        let lifetime = syn::Lifetime::new("'message", proc_macro2::Span::mixed_site());
        generics.params.insert(0, syn::parse_quote!(#lifetime));
    }
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
