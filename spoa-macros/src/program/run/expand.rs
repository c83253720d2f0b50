//! The call that a program becomes.
//!
//! It cannot fail: what reaches it has been checked.

use super::model::Program;
use crate::hygiene::hygienic;
use crate::program::array;
use crate::syntax::shown;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn call(krate: &TokenStream, program: &Program) -> TokenStream {
    let Program {
        name,
        listen,
        states,
        reloads,
        handlers,
        on_failure,
    } = program;
    let private = quote!(#krate::__private);
    let name = match name {
        Some(name) => quote!(#private::Some(#name)),
        None => quote!(#private::None),
    };
    let handlers = array::array(&private, handlers);
    let states = states.iter().map(|state| {
        let text = shown(state);
        // A block of its own, so that `?` and `.await` mean this expression.
        hygienic! {
            let builder = builder.state(
                match async { #private::Result::<_, #private::HandlerError>::Ok(#state) }.await {
                    #private::Ok(state) => state,
                    #private::Err(error) => {
                        return #private::Err(#private::ConfigureError::state(#text, error));
                    }
                },
            );
        }
    });
    // After the states: an expression that is evaluated again keeps what it uses.
    let reloads = reloads.iter().map(|reload| {
        let text = shown(reload);
        // The compiler reports what it may not do at the expression.
        let span = reload.span().resolved_at(Span::mixed_site());
        quote_spanned! {span=>
            let builder = match #private::reload(builder, #text, async move || {
                #private::Result::<_, #private::HandlerError>::Ok(#reload)
            }).await {
                #private::Ok(builder) => builder,
                #private::Err(error) => return #private::Err(error),
            };
        }
    });
    let on_failure = on_failure
        .as_ref()
        .map(|function| hygienic!(let builder = builder.on_failure(#function);));
    let fails = on_failure.is_some();
    // `run!` returns what the function around it returns, so it ends that function itself.
    hygienic! {
        return #private::run(
            #private::Program {
                package: #private::Option::unwrap_or(#private::option_env!("CARGO_PKG_NAME"), "agent"),
                version: #private::Option::unwrap_or(#private::option_env!("CARGO_PKG_VERSION"), ""),
                name: #name,
                listen: const { &[#(#listen),*] },
                handlers: const { &#handlers },
                on_failure: #fails,
            },
            move |builder| #private::Box::pin(async move {
                #(#states)*
                #(#reloads)*
                #on_failure
                #private::Ok(builder)
            }),
        )
    }
}
