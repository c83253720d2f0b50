//! The text of items: signatures, fields and attributes, with the spaces that a person writes.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Token, Visibility};

pub(crate) fn fields(fields: &Fields, all: bool) -> String {
    let shown_field = |field: &syn::Field| {
        let name = field
            .ident
            .as_ref()
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        let public = (all || is_public(&field.vis)) && !hidden(&field.attrs);
        public.then(|| format!("{name}{}", shown(&field.ty)))
    };
    let listed: Vec<_> = fields
        .iter()
        .map(|field| shown_field(field).unwrap_or_else(|| "_".to_owned()))
        .collect();
    match fields {
        Fields::Unit => String::new(),
        Fields::Unnamed(_) => format!("({})", listed.join(", ")),
        Fields::Named(_) => {
            let mut public: Vec<_> = listed
                .iter()
                .filter(|field| *field != "_")
                .cloned()
                .collect();
            if public.len() < listed.len() {
                public.push("..".to_owned());
            }
            format!(" {{ {} }}", public.join(", "))
        }
    }
}

pub(crate) fn bounds_of(bounds: &Punctuated<syn::TypeParamBound, Token![+]>) -> String {
    if bounds.is_empty() {
        String::new()
    } else {
        format!(": {}", shown(bounds))
    }
}

pub(crate) fn signature(signature: &syn::Signature, path: &str) -> String {
    let mut signature = signature.clone();
    let name = signature.ident.to_string();
    for input in &mut signature.inputs {
        if let syn::FnArg::Typed(typed) = input
            && let syn::Pat::Ident(pattern) = &mut *typed.pat
        {
            pattern.mutability = None;
        }
    }
    shown(&signature).replacen(&format!("fn {name}"), &format!("fn {path}::{name}"), 1)
}

/// The attributes that are part of the API: features, derives, and what a caller has to do.
pub(crate) fn attributes(attrs: &[Attribute]) -> String {
    let kept = ["cfg", "derive", "non_exhaustive"];
    let kept = attrs
        .iter()
        .filter(|attr| kept.iter().any(|name| attr.path().is_ident(name)));
    kept.map(|attr| shown(attr) + " ").collect()
}

pub(crate) fn cfg(attrs: &[Attribute]) -> String {
    let cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    cfgs.map(|attr| shown(attr) + " ").collect()
}

pub(crate) fn hidden(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| shown(attr) == "#[doc(hidden)]")
}

pub(crate) fn is_test(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("cfg") && shown(attr) == "#[cfg(test)]")
}

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Drops doc comments, which are attributes to a macro.
pub(crate) fn without_docs(tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    let mut kept: Vec<proc_macro2::TokenTree> = Vec::new();
    for token in tokens {
        let doc = matches!(&token, proc_macro2::TokenTree::Group(group) if group.stream().to_string().starts_with("doc ="));
        if doc {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

pub(crate) fn shown(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// Removes the spaces that no person writes.
pub(crate) fn tidy(tokens: &str) -> String {
    let mut text = tokens.replace('\n', " ");
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" > ", "> "),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" ;", ";"),
        (" : ", ": "),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("[ ", "["),
        (" ]", "]"),
        ("# [", "#["),
        ("' ", "'"),
        (" !", "!"),
        ("- >", "->"),
        ("->", "-> "),
        ("  ", " "),
        (",)", ")"),
    ] {
        text = text.replace(spaced, tight);
    }
    text.trim().to_owned()
}
