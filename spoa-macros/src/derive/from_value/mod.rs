//! `#[derive(FromValue)]`: a struct around an argument, or an enum of the texts it can be.

mod check;
mod expand;
mod model;

use crate::errors::Errors;
use model::FromValueModel;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

pub(crate) fn from_value(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let model = FromValueModel::parse(input, &mut errors);
    check::check(&model, &mut errors);
    match errors.check() {
        Ok(()) => expand::implementation(&model),
        Err(errors) => {
            let stub = expand::stub(&model);
            quote!(#errors #stub)
        }
    }
}
