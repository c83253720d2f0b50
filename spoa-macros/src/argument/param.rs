//! The trait through which generated code takes an argument: `<Type as Param<'_, _>>`.

use super::model::{Argument, ParamTrait};
use crate::hygiene::Names;
use crate::syntax::relax;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;

/// Returns `<Type as Param<'_, _>>`, all of it at the type, where the compiler then reports an unsuitable
/// one. The lifetime has no name anywhere, because the compiler reports errors that differ in it separately.
pub(crate) fn param(argument: &Argument, names: &Names) -> TokenStream {
    let Names {
        private, foreign, ..
    } = names;
    let ty = relax(argument.ty.to_token_stream(), foreign);
    let span = argument.ty.span().resolved_at(Span::mixed_site());
    let kind = match argument.kind {
        ParamTrait::Either => quote_spanned!(span=> _),
        ParamTrait::Value => quote_spanned!(span=> #private::ByValue),
        ParamTrait::Message => quote_spanned!(span=> #private::ByMessage),
    };
    quote_spanned!(span=> <#ty as #private::Param<'_, #kind>>)
}
