//! Procedural macros of `spoa`: they inspect syntax and leave types to the traits of the crate.
//!
//! It must not know what a type means, nor anything of protocol, agent or runtime.

mod expand;

use proc_macro::TokenStream;
use syn::{LitStr, parse_macro_input};

/// Makes a function the handler of a message.
#[proc_macro_attribute]
pub fn spoe_message(options: TokenStream, item: TokenStream) -> TokenStream {
    let message = parse_macro_input!(options as LitStr);
    let function = parse_macro_input!(item as syn::ItemFn);
    expand::handler(&message, &function).into()
}
