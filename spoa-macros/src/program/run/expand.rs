//! The expression that a program becomes.
//!
//! It cannot fail: what reaches it has been checked.

use super::model::Program;
use crate::hygiene::hygienic;
use crate::program::array;
use crate::syntax::shown;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn program(krate: &TokenStream, program: &Program) -> TokenStream {
    let Program {
        options,
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
            let state = match async {
                #private::Result::<_, #private::HandlerError>::Ok(#state)
            }.await {
                #private::Ok(state) => state,
                #private::Err(error) => {
                    return #private::Err(#private::ConfigureError::state(#text, error));
                }
            };
            let setup = setup.agent(|builder| builder.state(state));
        }
    });
    // After the states: an expression that is evaluated again keeps what it uses.
    let reloads = reloads.iter().map(|reload| {
        let text = shown(reload);
        // The compiler reports what it may not do at the expression.
        let span = reload.span().resolved_at(Span::mixed_site());
        quote_spanned! {span=>
            let setup = match #private::reload(setup, #text, async move || {
                #private::Result::<_, #private::HandlerError>::Ok(#reload)
            }).await {
                #private::Ok(setup) => setup,
                #private::Err(error) => return #private::Err(error),
            };
        }
    });
    let on_failure = on_failure.as_ref().map(
        |function| hygienic!(let setup = setup.agent(|builder| builder.on_failure(#function));),
    );
    let fails = on_failure.is_some();
    let with_options = options.as_ref().map(|(path, _)| {
        // The compiler reports a type without the trait at the type.
        let span = path.span().resolved_at(Span::mixed_site());
        quote_spanned!(span=> let program = #private::with_options::<#path>(program);)
    });
    let named = options.as_ref().map(|(path, name)| {
        hygienic! {
            #[allow(unused_variables)]
            let #name = setup.options::<#path>();
        }
    });
    hygienic! {{
        let program = #private::Program::about(#private::About {
            package: #private::Option::unwrap_or(#private::option_env!("CARGO_PKG_NAME"), "agent"),
            version: #private::Option::unwrap_or(#private::option_env!("CARGO_PKG_VERSION"), ""),
            name: #name,
            listen: #private::list(const { [#(#listen),*] }),
            handlers: #private::list(const { #handlers }),
            on_failure: #fails,
        });
        #with_options
        program.set_up(#private::Box::new(move |setup| #private::Box::pin(async move {
            #named
            #(#states)*
            #(#reloads)*
            #on_failure
            #private::Ok(setup)
        })))
    }}
}
