//! `#[spoe_message]` and `#[spoe_fallback]`: an attribute and a function become the function and its
//! definition.

mod attr;
mod body_variables;
mod check;
mod expand;
mod model;
mod result_variable;
mod variable_type;

pub(crate) use attr::AttributeKind;

use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::quote;

/// Reads and checks a handler, and expands it if there are no mistakes.
pub(crate) fn handler(kind: AttributeKind, options: TokenStream, item: TokenStream) -> TokenStream {
    let (mut errors, mut in_function) = (Errors::default(), Errors::default());
    let Some(mut function) = model::Function::parse(item.clone(), kind, &mut in_function) else {
        let mistakes = [errors.check(), in_function.check()];
        let mistakes = mistakes.into_iter().filter_map(Result::err);
        let stub = model::half_typed(&item).map(|name| expand::stub_of(&name));
        return quote!(#(#mistakes)* #item #stub);
    };
    let attribute = attr::Attribute::parse(kind, options, &function.sig.ident, &mut errors);
    errors.append(in_function);
    check::check(&attribute, &mut function, &mut errors);
    match errors.check() {
        Ok(()) => expand::handler(&attribute, &function),
        Err(errors) => {
            let stub = expand::stub(&attribute, &function);
            quote!(#errors #stub)
        }
    }
}
