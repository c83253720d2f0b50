//! `handlers![a, m::b]`: an array of definitions, each message once.

use super::{array, paths, split};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Token};

pub(crate) fn handlers(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    let mut errors = Errors::default();
    let paths = match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list) {
        Ok(list) => paths::paths(&list, &mut errors),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    };
    match errors.check() {
        Ok(()) => array::array(&quote!(#krate::__private), &paths),
        // An array all the same, so that the code around it causes no second error.
        Err(errors) => quote!({ #errors [] as [&'static #krate::__private::Definition; 0] }),
    }
}
