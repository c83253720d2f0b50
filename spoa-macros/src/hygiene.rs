//! Names in generated code that the user's code cannot see, and that cannot see the user's.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

/// `quote!` with names that the user's code cannot see and that cannot see the user's.
macro_rules! hygienic {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

pub(crate) use hygienic;

/// What the expansions of one attribute have in common.
pub(crate) struct Names {
    /// What `import` brings in: the module that generated code names everything from.
    pub(crate) private: Ident,
    /// The request, a `&IncomingMessage<'_>`.
    pub(crate) request: Ident,
    /// The lifetime of the message: `'_`, or that of the struct.
    pub(crate) lifetime: TokenStream,
    /// Lifetimes that mean nothing where the code stands.
    pub(crate) foreign: Vec<Ident>,
}

/// Names `__private` of the crate: generated code stands in a `const _` that begins with it. One
/// import, so that a wrong `crate = path` is reported once.
pub(crate) fn import(krate: Option<&Path>) -> TokenStream {
    let krate = krate.map_or_else(|| quote!(::spoa), ToTokens::to_token_stream);
    let private = private();
    quote!(use #krate::__private as #private;)
}

pub(crate) fn private() -> Ident {
    ours("__spoa")
}

/// An identifier of ours, invisible to the code of the user.
pub(crate) fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
