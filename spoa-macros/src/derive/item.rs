//! The type under a derive.

use super::attr::CRATE;
use crate::errors::Errors;
use crate::hygiene::import;
use crate::options::Options;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Generics, Index, Lifetime, Member, Path};

/// The type, and the path of the crate `spoa`.
pub(super) struct Item<'i> {
    pub(super) input: &'i DeriveInput,
    krate: Option<Path>,
    /// The lifetime of the message: that of the type, or one of ours if it has none.
    pub(super) lifetime: Lifetime,
}

impl<'i> Item<'i> {
    pub(super) fn new(input: &'i DeriveInput, options: &Options) -> Self {
        let mut lifetimes = input.generics.lifetimes();
        let ours = || Lifetime::new("'message", Span::mixed_site());
        Item {
            input,
            krate: options.get(&CRATE).cloned(),
            lifetime: lifetimes
                .next()
                .map_or_else(ours, |param| param.lifetime.clone()),
        }
    }

    /// Puts an implementation into a block of its own, together with what it names everything from.
    pub(super) fn enclosed(&self, implementation: &TokenStream) -> TokenStream {
        let import = import(self.krate.as_ref());
        quote! {
            const _: () = {
                #import
                #implementation
            };
        }
    }

    /// Returns the generics of an implementation that names the lifetime of the message.
    pub(super) fn generics_with_lifetime(&self) -> Generics {
        let mut generics = self.input.generics.clone();
        if generics.lifetimes().next().is_none() {
            let lifetime = &self.lifetime;
            generics.params.insert(0, syn::parse_quote!(#lifetime));
        }
        generics
    }

    /// Reports a second lifetime: everything in a message borrows from it.
    pub(super) fn check_lifetimes(&self, errors: &mut Errors) {
        if let Some(second) = self.input.generics.lifetimes().nth(1) {
            errors.on(
                &second.lifetime,
                "all fields borrow from one message: use one lifetime",
            );
        }
    }
}

/// Returns the fields of a struct; anything else is a mistake.
pub(super) fn fields<'i>(
    input: &'i DeriveInput,
    remedy: &str,
    errors: &mut Errors,
) -> Option<&'i Fields> {
    match &input.data {
        Data::Struct(data) => return Some(&data.fields),
        Data::Enum(data) => errors.on(data.enum_token, remedy),
        Data::Union(data) => errors.on(data.union_token, remedy),
    }
    None
}

/// Returns how a field is named in an expression: by its name, or by its position.
pub(super) fn member(field: &Field, index: usize) -> Member {
    match &field.ident {
        Some(ident) => Member::Named(ident.clone()),
        None => Member::Unnamed(Index::from(index)),
    }
}
