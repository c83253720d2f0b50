//! The array of definitions that a list of handlers becomes.
//!
//! It cannot fail, because its input has been checked.

use crate::hygiene::hygienic;
use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Path;
use syn::spanned::Spanned;

pub(super) fn array(private: &TokenStream, paths: &[Path]) -> TokenStream {
    let len = paths.len();
    let definitions = paths.iter().map(|path| {
        let span = path.span().resolved_at(Span::mixed_site());
        // A path imports whatever it names. A function without the attribute has no struct beside
        // it: then the type is the one of the block around it, and its missing trait makes an error
        // that says what to write.
        quote_spanned! {span=> {
            #[allow(unused_imports)]
            use #private::FunctionWithoutTheAttribute;
            {
                #[allow(unused_imports)]
                use #path as FunctionWithoutTheAttribute;
                <FunctionWithoutTheAttribute as #private::Handler>::DEFINITION
            }
        }}
    });
    let distinct = paths.iter().enumerate().skip(1).map(|(place, path)| {
        // No token of the macro is in its span: the compiler would blame the whole macro.
        quote_spanned! {path.span()=>
            const _: () = __spoa::check_distinct(&HANDLERS_, #place);
        }
    });
    hygienic! {{
        #[allow(unused_imports)]
        use #private as __spoa;
        const HANDLERS_: [&'static #private::Definition; #len] = [#(#definitions),*];
        #(#distinct)*
        HANDLERS_
    }}
}
