//! `run!(…)`: the options of a program as a call that builds its agent.

mod expand;
mod model;

use super::split;
use crate::errors::Errors;
use model::Program;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn run(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    let mut errors = Errors::default();
    let program = Program::parse(list, &mut errors);
    match errors.check() {
        Ok(()) => expand::call(&krate, &program),
        Err(errors) => quote!({ #errors }),
    }
}
