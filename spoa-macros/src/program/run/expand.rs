//! The expression that a program becomes.
//!
//! It cannot fail, because its input has been checked.

use super::model::{Every, Program, Reload};
use crate::hygiene::hygienic;
use crate::options::ungroup;
use crate::program::array;
use crate::syntax::shown;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Token};

pub(super) fn program(krate: &TokenStream, program: &Program) -> TokenStream {
    let Program {
        options,
        name,
        listen,
        states,
        reloads,
        services,
        handlers,
        on_failure,
        observer,
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
        let renewal = renewal(&private, reload);
        let reload = &reload.value;
        let text = shown(reload);
        // The compiler reports what it may not do at the expression.
        let span = reload.span().resolved_at(Span::mixed_site());
        quote_spanned! {span=>
            let setup = match #private::reload(setup, #text, #renewal, async move || {
                #private::Result::<_, #private::HandlerError>::Ok(#reload)
            }).await {
                #private::Ok(setup) => setup,
                #private::Err(error) => return #private::Err(error),
            };
        }
    });
    let services = services.iter().map(|service| {
        let text = match ungroup(service) {
            Expr::Closure(closure) => shown(&*closure.body),
            future => shown(future),
        };
        let start = match ungroup(service) {
            Expr::Closure(closure) => {
                let mut closure = closure.clone();
                closure.capture = Some(Token![move](closure.inputs_begin.span));
                closure.to_token_stream()
            }
            // The expression is evaluated at each start.
            future => hygienic!(move |_| #future),
        };
        // The compiler reports a wrong type at the expression.
        let span = service.span().resolved_at(Span::mixed_site());
        quote_spanned!(span=> let setup = setup.serve(#text, #start);)
    });
    let on_failure = on_failure.as_ref().map(
        |function| hygienic!(let setup = setup.agent(|builder| builder.on_failure(#function));),
    );
    let observer = observer.as_ref().map(|observer| {
        let text = shown(observer);
        // The compiler reports a type that does not observe at the expression.
        let span = observer.span().resolved_at(Span::mixed_site());
        quote_spanned! {span=>
            let observer = match async {
                #private::Result::<_, #private::HandlerError>::Ok(#observer)
            }.await {
                #private::Ok(observer) => observer,
                #private::Err(error) => {
                    return #private::Err(#private::ConfigureError::observer(#text, error));
                }
            };
            let setup = setup.agent(|builder| builder.observer(observer));
        }
    });
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
            #observer
            #(#reloads)*
            #(#services)*
            #on_failure
            #private::Ok(setup)
        })))
    }}
}

/// Returns when a value is made again by itself.
fn renewal(private: &TokenStream, reload: &Reload) -> TokenStream {
    let every = reload.every.as_ref().map(|every| match every {
        Every::Micros(micros) => hygienic!(.every(#private::micros(#micros))),
        Every::Expression(every) => {
            let span = every.span().resolved_at(Span::mixed_site());
            quote_spanned!(span=> .every(#every))
        }
    });
    let watch = reload.watch.iter().map(|path| {
        let span = path.span().resolved_at(Span::mixed_site());
        quote_spanned!(span=> .watch(&#path))
    });
    hygienic!(#private::Renewal::new() #every #(#watch)*)
}
