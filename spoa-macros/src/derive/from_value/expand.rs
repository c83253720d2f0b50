//! The implementation of `FromValue`.
//!
//! It cannot fail, because its input has been checked.

use super::model::{FromValueModel, Shape, Text};
use crate::derive::other_derive::{self, Derive};
use crate::hygiene::{hygienic, private};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use spoa_facts::one_of;
use syn::spanned::Spanned;
use syn::{Member, Type};

pub(super) fn implementation(model: &FromValueModel<'_>) -> TokenStream {
    let implementation = match &model.shape {
        Shape::Newtype(member, ty) => newtype(model, member, ty),
        Shape::Texts(texts) => enumeration(model, texts),
        Shape::Neither => return stub(model),
    };
    let others = other_derive::require(&model.item, Derive::IntoActions, &model.others);
    model.item.enclosed(&quote!(#implementation #others))
}

/// Returns an implementation for a type with mistakes, so that its users cause no second error.
pub(super) fn stub(model: &FromValueModel<'_>) -> TokenStream {
    let (private, lifetime) = (private(), &model.item.lifetime);
    let body = quote! {
        const EXPECTED: #private::Expected = #private::Expected::Any;
        const ACCEPTS: #private::Accepts = #private::Accepts::ANY.or_null();
        fn from_value(_: #private::Value<#lifetime>) -> #private::Result<Self, #private::Mismatch> {
            #private::stub()
        }
    };
    model.item.enclosed(&implement(model, None, &body))
}

fn newtype(model: &FromValueModel<'_>, member: &Member, ty: &Type) -> TokenStream {
    let (private, lifetime) = (private(), &model.item.lifetime);
    let span = ty.span().resolved_at(Span::mixed_site());
    let inner = quote_spanned!(span=> <#ty as #private::FromValue<#lifetime>>);
    let body = hygienic! {
        const EXPECTED: #private::Expected = #inner::EXPECTED;
        const ACCEPTS: #private::Accepts = #inner::ACCEPTS;
        const SAMPLE: #private::DefaultSample = #inner::SAMPLE;

        #[inline]
        fn from_value(
            value: #private::Value<#lifetime>,
        ) -> #private::Result<Self, #private::Mismatch> {
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
    implement(model, Some(ty), &body)
}

fn enumeration(model: &FromValueModel<'_>, texts: &[Text<'_>]) -> TokenStream {
    let (private, lifetime) = (private(), &model.item.lifetime);
    let expected = expected(texts);
    let bytes = texts
        .iter()
        .map(|text| Literal::byte_string(text.text.as_bytes()));
    let variants = texts.iter().map(|text| text.variant);
    let body = hygienic! {
        const EXPECTED: #private::Expected = #private::Expected::Other(#expected);

        fn from_value(
            value: #private::Value<#lifetime>,
        ) -> #private::Result<Self, #private::Mismatch> {
            match value.as_bytes() {
                #(#private::Some(#bytes) => #private::Ok(Self::#variants),)*
                #private::Some(_) => #private::Err(#private::Mismatch::Syntax),
                #private::None => #private::Err(#private::Mismatch::Type),
            }
        }
    };
    implement(model, None, &body)
}

/// Words that complete "should be".
fn expected(texts: &[Text<'_>]) -> String {
    one_of(texts.iter().map(|text| text.text.as_str()))
}

fn implement(model: &FromValueModel<'_>, inner: Option<&Type>, body: &TokenStream) -> TokenStream {
    let (private, lifetime) = (private(), &model.item.lifetime);
    let input = model.item.input;
    let ident = &input.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    let mut generics = model.item.generics_with_lifetime();
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
