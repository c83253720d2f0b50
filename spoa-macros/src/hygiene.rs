//! Names in generated code that the user's code cannot see, and that cannot see the user's.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

/// Works like `quote!`, with names that the user's code cannot see and that cannot see the user's.
macro_rules! hygienic {
    ($($tokens:tt)*) => {
        ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*)
    };
}

pub(crate) use hygienic;

/// The names that the parts of one expansion share.
pub(crate) struct Names {
    /// The module that `import` brings in, and that generated code names everything from.
    pub(crate) private: Ident,
    /// The request, a `&IncomingMessage<'_>`.
    pub(crate) request: Ident,
    /// The lifetime of the message: `'_`, or that of the struct.
    pub(crate) lifetime: TokenStream,
    /// The lifetimes that are not declared where the code is.
    pub(crate) foreign: Vec<Ident>,
}

/// Imports `__private` of the crate. Generated code is in a `const _` that begins with this import; there
/// is one, so that a wrong `crate = path` is reported once.
pub(crate) fn import(krate: Option<&Path>) -> TokenStream {
    let krate = krate.map_or_else(|| quote!(::spoa), ToTokens::to_token_stream);
    let private = private();
    quote!(use #krate::__private as #private;)
}

pub(crate) fn private() -> Ident {
    ours("__spoa")
}

/// Returns an identifier that the user's code cannot see.
pub(crate) fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
