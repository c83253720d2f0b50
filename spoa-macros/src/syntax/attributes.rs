//! Attributes of items.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Returns the doc comment, as far as it is written as text.
pub(crate) fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<_> = lines
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// Returns the `#[cfg]`s of an item: the items that a macro adds beside it need them too.
pub(crate) fn conditions(attrs: &[Attribute]) -> TokenStream {
    let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    quote!(#(#conditions)*)
}

/// Whether an attribute has this name, with or without a path: `arg` of `#[spoa::arg]`.
pub(crate) fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_are_joined_without_their_margin() {
        let item: syn::ItemStruct =
            syn::parse_str("/// One.\n///\n///   * two \n#[doc(hidden)] struct S;").unwrap();
        assert_eq!(docs(&item.attrs), "One.\n\n  * two");
    }
}
