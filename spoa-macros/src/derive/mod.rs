//! The derives, and what they have in common.
//!
//! It must not know what a type means.

mod from_message;
mod from_value;
mod into_actions;

pub(crate) use from_message::from_message;
pub(crate) use from_value::from_value;
pub(crate) use into_actions::into_actions;

use crate::errors::Errors;
use crate::hygiene::import;
use crate::options::{Known, Options, Table, Takes};
use crate::syntax::is_named;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Fields, Lifetime, Meta};

/// The option that every type may have.
const CRATE: Known = Known::new("crate", Takes::Path, "crate = path");

/// The options of a type that has no others.
const CRATE_ONLY: Table = Table {
    first: None,
    known: &[CRATE],
};

/// The options in every `#[name(…)]` of a list of attributes.
fn options(attrs: &[Attribute], name: &str, table: &'static Table, errors: &mut Errors) -> Options {
    let mut tokens = TokenStream::new();
    for attr in attrs.iter().filter(|attr| is_named(attr, name)) {
        match &attr.meta {
            Meta::List(list) => {
                let list = &list.tokens;
                if !tokens.is_empty() {
                    tokens.extend(quote!(,));
                }
                tokens.extend(quote!(#list));
            }
            _ => errors.on(
                attr,
                format_args!(
                    "write its options in parentheses: `#[{name}({})]`",
                    form(table)
                ),
            ),
        }
    }
    Options::parse(tokens, table, errors)
}

fn form(table: &Table) -> &'static str {
    table.known.first().map_or("", |known| known.form)
}

/// An implementation, with what it names everything from.
fn enclosed(options: &Options, implementation: &TokenStream) -> TokenStream {
    let import = import(options.path("crate"));
    quote! {
        const _: () = {
            #import
            #implementation
        };
    }
}

/// The fields of a struct; anything else is a mistake.
fn fields<'i>(input: &'i DeriveInput, what: &str, errors: &mut Errors) -> Option<&'i Fields> {
    match &input.data {
        Data::Struct(data) => return Some(&data.fields),
        Data::Enum(data) => errors.on(data.enum_token, what),
        Data::Union(data) => errors.on(data.union_token, what),
    }
    None
}

/// The lifetime of the message: the only one of the struct, or one of ours if it has none.
fn lifetime(input: &DeriveInput, errors: &mut Errors) -> Lifetime {
    let mut lifetimes = input.generics.lifetimes();
    let first = lifetimes.next();
    if let Some(second) = lifetimes.next() {
        errors.on(
            &second.lifetime,
            "what comes from a message borrows from one place only: use one lifetime for all",
        );
    }
    let ours = || Lifetime::new("'message", proc_macro2::Span::mixed_site());
    first.map_or_else(ours, |param| param.lifetime.clone())
}
