//! Constants that compile only if a condition on the user's types holds, and report our own error if not.

use crate::hygiene::Names;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;

/// The error that the compiler shows.
pub(crate) struct Words<'w> {
    pub(crate) message: &'w str,
    pub(crate) label: &'w str,
    pub(crate) notes: &'w [String],
}

/// Returns code that does not compile unless a constant expression is true.
pub(crate) fn require(
    holds: &TokenStream,
    words: &Words<'_>,
    span: Span,
    names: &Names,
) -> TokenStream {
    // All of it at the span: the compiler reports it from its first token to its last.
    let private = Ident::new(&names.private.to_string(), span);
    let Words {
        message,
        label,
        notes,
    } = words;
    // Each check needs a trait of its own, because the error is that of the trait.
    quote_spanned! {span=>
        const _: () = {
            #[diagnostic::on_unimplemented(message = #message, label = #label #(, note = #notes)*)]
            trait Suits {
                const CHECKED: () = ();
            }
            #[diagnostic::do_not_recommend]
            impl Suits for #private::Holds<true> {}
            const HOLDS: #private::Flag = #holds;
            <#private::Holds<HOLDS> as Suits>::CHECKED
        };
    }
}
