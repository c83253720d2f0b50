//! `handlers![…]` and `run!(…)`: what a program is made of.
//!
//! They come through `macro_rules` of `spoa`, which pass the path of the crate ahead; they must not
//! know it otherwise.

mod array;
mod handlers;
mod paths;
mod run;

pub(crate) use handlers::handlers;
pub(crate) use run::run;

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
