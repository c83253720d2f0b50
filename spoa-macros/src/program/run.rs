//! `run!(…)`: the options of a program as a call that builds its agent.
//!
//! It must not know what the agent does with them.

use super::{handlers, split};
use crate::errors::Errors;
use crate::hygiene::hygienic;
use crate::options::{Known, Options, Table, Takes, ungroup};
use crate::syntax::shown;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

/// Every option there is. A new one is a line here and its use below.
const TABLE: Table = Table {
    first: None,
    known: &[
        Known::new("name", Takes::Expression, "name = \"iprep\""),
        Known::new("listen", Takes::Expression, "listen = \"127.0.0.1:12345\"").repeatable(),
        Known::new("state", Takes::Expression, "state = Db::open(path)?").repeatable(),
        Known::new("reload", Takes::Expression, "reload = Rules::load(path)?").repeatable(),
        Known::new("handlers", Takes::Expression, "handlers = [a, m::b]"),
        Known::new("on_failure", Takes::Expression, "on_failure = f"),
    ],
};

pub(crate) fn run(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    let mut errors = Errors::default();
    let options = Options::parse(list, &TABLE, &mut errors);
    let paths = options
        .expression("handlers")
        .map(|list| match ungroup(list) {
            // No list at all means every handler: an empty one would mean the same by accident.
            Expr::Array(list) if list.elems.is_empty() => {
                errors.on(
                    list,
                    "no handler is listed: list one, or leave `handlers` out to serve all",
                );
                Vec::new()
            }
            Expr::Array(list) => handlers::paths(&list.elems, &mut errors),
            other => {
                errors.on(
                    other,
                    "handlers are listed in brackets: `handlers = [a, m::b]`",
                );
                Vec::new()
            }
        });
    if !errors.is_empty() {
        let errors = errors.into_tokens();
        return quote!({ #errors });
    }
    let private = quote!(#krate::__private);
    let name = match options.expression("name") {
        Some(name) => quote!(#private::Some(#name)),
        None => quote!(#private::None),
    };
    let listen = options.all("listen");
    let handlers = handlers::array(&private, &paths.unwrap_or_default());
    let states = options.all("state").map(|state| {
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
    // Behind the states: an expression that is evaluated again keeps what it uses.
    let reloads = options.all("reload").map(|reload| {
        let text = shown(reload);
        // What it may not do is said where it stands.
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
    let on_failure = options
        .expression("on_failure")
        .map(|function| hygienic!(let builder = builder.on_failure(#function);));
    let fails = on_failure.is_some();
    // So that what `run!` gives is whatever the function around it returns.
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
