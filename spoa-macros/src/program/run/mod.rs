//! `run!(…)` and `program!(…)`: the options of a program as an expression that makes it.

mod expand;
mod model;

use super::split;
use crate::errors::Errors;
use model::Program;
use proc_macro2::TokenStream;
use quote::quote;

/// The statement that runs a program. It returns what the function around it returns, so it ends that
/// function itself.
pub(crate) fn run(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    match parsed(&krate, list) {
        Ok(program) => quote!(return #krate::__private::run(#program)),
        Err(errors) => errors,
    }
}

/// The expression that makes a program.
pub(crate) fn program(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    match parsed(&krate, list) {
        Ok(program) => program,
        // An expression of the type, so that the code around it causes no second error.
        Err(errors) => quote!({ #errors #krate::__private::stub::<#krate::run::Program>() }),
    }
}

fn parsed(krate: &TokenStream, list: TokenStream) -> Result<TokenStream, TokenStream> {
    let mut errors = Errors::default();
    let program = Program::parse(list, &mut errors);
    match errors.check() {
        Ok(()) => Ok(expand::program(krate, &program)),
        Err(errors) => Err(quote!({ #errors })),
    }
}
