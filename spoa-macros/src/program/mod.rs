//! `handlers![…]`, `run!(…)` and `program!(…)`. Macros of `spoa` call them, with the path of the crate before the input.

mod array;
mod handlers;
mod paths;
mod run;

pub(crate) use handlers::handlers;
pub(crate) use run::{program, run};

use proc_macro2::{TokenStream, TokenTree};

/// Splits `[$crate] …`.
fn split(tokens: TokenStream) -> (TokenStream, TokenStream) {
    let mut tokens = tokens.into_iter();
    let krate = match tokens.next() {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => TokenStream::new(),
    };
    (krate, tokens.collect())
}
