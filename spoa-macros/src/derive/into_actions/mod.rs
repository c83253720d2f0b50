//! `#[derive(IntoActions)]`: a struct whose fields are variables.

mod check;
mod expand;
mod model;

use crate::errors::Errors;
use model::IntoActionsModel;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

pub(crate) fn into_actions(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let model = IntoActionsModel::parse(input, &mut errors);
    check::check(&model, &mut errors);
    match errors.check() {
        Ok(()) => expand::implementation(&model),
        Err(errors) => {
            let stub = expand::stub(&model);
            quote!(#errors #stub)
        }
    }
}
