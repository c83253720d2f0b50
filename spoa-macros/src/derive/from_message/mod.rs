//! `#[derive(FromMessage)]`: a struct whose fields are the arguments of a message.

mod check;
mod expand;
mod model;

use crate::errors::Errors;
use model::FromMessageModel;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

pub(crate) fn from_message(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let model = FromMessageModel::parse(input, &mut errors);
    check::check(&model, &mut errors);
    match errors.check() {
        Ok(()) => expand::implementation(&model),
        Err(errors) => {
            let stub = expand::stub(&model);
            quote!(#errors #stub)
        }
    }
}
