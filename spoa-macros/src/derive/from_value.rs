//! `#[derive(FromValue)]`: a newtype around an argument, or an enum of the texts it can be.
//!
//! It must not know what a type means.

use super::{CRATE_ONLY, enclosed, lifetime};
use crate::errors::Errors;
use crate::hygiene::{hygienic, private};
use crate::options::text;
use crate::syntax::{is_named, kebab};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Fields, GenericParam, Index, Member, Type, Variant};

/// What the type is made of.
enum Shape<'i> {
    Newtype(Member, &'i Type),
    Texts(Vec<(String, &'i Variant)>),
}

pub(crate) fn from_value(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let options = super::options(&input.attrs, "value", &CRATE_ONLY, &mut errors);
    let shape = match &input.data {
        Data::Struct(data) => newtype(input, &data.fields, &mut errors),
        Data::Enum(data) => texts(input, data, &mut errors),
        Data::Union(data) => {
            errors.on(
                data.union_token,
                "derive `FromValue` on a struct with one field or an enum of texts, or write \
                 `impl FromValue` for this type",
            );
            None
        }
    };
    let lifetime = lifetime(input, &mut errors);
    let private = private();
    match shape {
        Some(shape) if errors.is_empty() => {
            enclosed(&options, &expand(input, &private, &lifetime, &shape))
        }
        _ => {
            let errors = errors.into_tokens();
            let body = quote! {
                const EXPECTED: #private::Expected = #private::Expected::Any;
                const ACCEPTS: #private::Accepts = #private::Accepts::ANY.or_null();
                fn from_value(_: #private::Value<#lifetime>) -> #private::Result<Self, #private::Mismatch> {
                    #private::stub()
                }
            };
            let stub = enclosed(
                &options,
                &implement(input, &private, &lifetime, None, &body),
            );
            quote!(#errors #stub)
        }
    }
}

fn newtype<'i>(
    input: &'i DeriveInput,
    fields: &'i Fields,
    errors: &mut Errors,
) -> Option<Shape<'i>> {
    let mut all = fields.iter();
    match (all.next(), all.next()) {
        (Some(field), None) => {
            let member = match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(0)),
            };
            return Some(Shape::Newtype(member, &field.ty));
        }
        (_, Some(second)) => errors.on(
            second
                .ident
                .as_ref()
                .map_or_else(|| second.ty.to_token_stream(), ToTokens::to_token_stream),
            "one argument has one value: leave one field, or derive `FromMessage` to take one \
             argument for each",
        ),
        (None, _) => errors.at(
            input.ident.span(),
            "this struct has no field for the value: write for instance \
             `struct UserId(u64);`",
        ),
    }
    None
}

fn texts<'i>(input: &'i DeriveInput, data: &'i DataEnum, errors: &mut Errors) -> Option<Shape<'i>> {
    for param in &input.generics.params {
        if let GenericParam::Type(syn::TypeParam { ident, .. })
        | GenericParam::Const(syn::ConstParam { ident, .. }) = param
        {
            errors.at(
                ident.span(),
                "an enum of texts has no parameters: take this one out",
            );
        }
    }
    if data.variants.is_empty() {
        errors.at(
            input.ident.span(),
            "this enum has no variants: write one for each text that the argument can be",
        );
    }
    let mut texts: Vec<(String, &Variant)> = Vec::new();
    for variant in &data.variants {
        if !variant.fields.is_empty() {
            errors.on(
                &variant.fields,
                "each variant stands for one text, so it has no fields: take them out, or write \
                 `impl FromValue` for this type",
            );
            continue;
        }
        let Some((text, span)) = variant_text(variant, errors) else {
            continue;
        };
        if let Some((_, first)) = texts.iter().find(|(before, _)| *before == text) {
            errors.at(
                span,
                format_args!(
                    "`\"{text}\"` is `{}` already: give this variant another text",
                    first.ident
                ),
            );
        }
        texts.push((text, variant));
    }
    Some(Shape::Texts(texts))
}

/// The text of a variant: what `#[value("…")]` says, or its name in small letters with hyphens.
fn variant_text(variant: &Variant, errors: &mut Errors) -> Option<(String, Span)> {
    let attr = variant.attrs.iter().find(|attr| is_named(attr, "value"));
    let Some(attr) = attr else {
        return Some((
            kebab(&variant.ident.unraw().to_string()),
            variant.ident.span(),
        ));
    };
    let remedy = "write the text that stands for this variant: `#[value(\"text\")]`";
    let syn::Meta::List(list) = &attr.meta else {
        errors.on(attr, remedy);
        return None;
    };
    // `#[value(name = "text")]` is how clap writes it, whose derive may stand beside this one.
    let first = match syn::parse2::<syn::Expr>(list.tokens.clone()) {
        Ok(syn::Expr::Assign(named)) if named.left.to_token_stream().to_string() == "name" => {
            Some(*named.right)
        }
        other => other.ok(),
    };
    match first.as_ref().and_then(text) {
        Some(text) => Some((text.value(), text.span())),
        None if list.tokens.is_empty() => {
            errors.on(attr, remedy);
            None
        }
        None => {
            errors.on(&list.tokens, remedy);
            None
        }
    }
}

fn expand(
    input: &DeriveInput,
    private: &Ident,
    lifetime: &syn::Lifetime,
    shape: &Shape<'_>,
) -> TokenStream {
    let result = quote!(#private::Result<Self, #private::Mismatch>);
    match shape {
        Shape::Newtype(member, ty) => {
            let span = ty.span().resolved_at(Span::mixed_site());
            let inner = quote_spanned!(span=> <#ty as #private::FromValue<#lifetime>>);
            let body = hygienic! {
                const EXPECTED: #private::Expected = #inner::EXPECTED;
                const ACCEPTS: #private::Accepts = #inner::ACCEPTS;

                #[inline]
                fn from_value(value: #private::Value<#lifetime>) -> #result {
                    match #inner::from_value(value) {
                        #private::Ok(value) => #private::Ok(Self { #member: value }),
                        #private::Err(mismatch) => #private::Err(mismatch),
                    }
                }

                #[inline]
                fn from_absent() -> #private::Option<Self> {
                    match #inner::from_absent() {
                        #private::Some(value) => #private::Some(Self { #member: value }),
                        #private::None => #private::None,
                    }
                }
            };
            implement(input, private, lifetime, Some(ty), &body)
        }
        Shape::Texts(texts) => {
            let expected = expected(texts);
            let (bytes, variants): (Vec<_>, Vec<_>) = texts
                .iter()
                .map(|(text, variant)| (Literal::byte_string(text.as_bytes()), &variant.ident))
                .unzip();
            let body = hygienic! {
                const EXPECTED: #private::Expected = #private::Expected::Other(#expected);

                fn from_value(value: #private::Value<#lifetime>) -> #result {
                    match value.as_bytes() {
                        #(#private::Some(#bytes) => #private::Ok(Self::#variants),)*
                        #private::Some(_) => #private::Err(#private::Mismatch::Syntax),
                        #private::None => #private::Err(#private::Mismatch::Type),
                    }
                }
            };
            implement(input, private, lifetime, None, &body)
        }
    }
}

/// Words that complete "should be".
fn expected(texts: &[(String, &Variant)]) -> String {
    let quoted: Vec<_> = texts.iter().map(|(text, _)| format!("`{text}`")).collect();
    match quoted.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        quoted => quoted.concat(),
    }
}

fn implement(
    input: &DeriveInput,
    private: &Ident,
    lifetime: &syn::Lifetime,
    inner: Option<&Type>,
    body: &TokenStream,
) -> TokenStream {
    let ident = &input.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    let mut generics = input.generics.clone();
    if generics.lifetimes().next().is_none() {
        generics.params.insert(0, syn::parse_quote!(#lifetime));
    }
    // Without type parameters the bound is left to the body, where an unsuitable type is reported.
    if let (Some(inner), Some(_)) = (inner, input.generics.type_params().next()) {
        let bound = syn::parse_quote!(#inner: #private::FromValue<#lifetime>);
        generics.make_where_clause().predicates.push(bound);
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    hygienic! {
        #[automatically_derived]
        #[allow(elided_lifetimes_in_paths, deprecated)]
        impl #impl_generics #private::FromValue<#lifetime> for #ident #type_generics #where_clause {
            #body
        }
    }
}
