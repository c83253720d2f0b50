//! Procedural macros of `spoa`: they inspect syntax and leave types to the traits of the crate.
//!
//! It must not know what a type means, nor anything of protocol, agent or runtime.

/// `quote!` with names that the user's code cannot see and that cannot see the user's.
macro_rules! hygienic {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

mod argument;
mod derive;
mod errors;
mod extract;
mod message;
mod names;
mod options;
mod program;
mod syntax;

use message::Kind;
use proc_macro::TokenStream;

/// Makes a function the handler of a message.
#[proc_macro_attribute]
pub fn spoe_message(options: TokenStream, item: TokenStream) -> TokenStream {
    message::handler(Kind::Message, options.into(), item.into()).into()
}

/// Makes a function the handler of the messages nobody else answers.
#[proc_macro_attribute]
pub fn spoe_fallback(options: TokenStream, item: TokenStream) -> TokenStream {
    message::handler(Kind::Fallback, options.into(), item.into()).into()
}

/// Takes the arguments of a message as a struct.
#[proc_macro_derive(FromMessage, attributes(arg))]
pub fn from_message(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_message(&item).into()
}

/// Takes an argument as a type of one's own.
#[proc_macro_derive(FromValue, attributes(value))]
pub fn from_value(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::from_value(&item).into()
}

/// Sets a variable for each field of a struct.
#[proc_macro_derive(IntoActions, attributes(vars, var))]
pub fn into_actions(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    derive::into_actions(&item).into()
}

/// `spoa::handlers!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_handlers(input: TokenStream) -> TokenStream {
    program::handlers(input.into()).into()
}

/// `spoa::run!`, with the path of the crate before its input.
#[doc(hidden)]
#[proc_macro]
pub fn expand_run(input: TokenStream) -> TokenStream {
    program::run(input.into()).into()
}
