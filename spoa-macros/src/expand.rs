//! The code beside a handler: its definition and its registration.
//!
//! It must not judge what the user wrote: whatever reaches it can be expanded.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, ItemFn, LitStr, Pat, ReturnType};

pub(crate) fn handler(message: &LitStr, function: &ItemFn) -> TokenStream {
    let krate = quote!(::spoa);
    let private = quote!(#krate::__private);
    let sig = &function.sig;
    let (vis, ident) = (&function.vis, &sig.ident);
    let site = Span::mixed_site();
    let request = Ident::new("request", site);
    let actions = Ident::new("actions", site);
    let description = Ident::new("description", site);
    let mut slots = Vec::new();
    let mut names = Vec::new();
    let mut takes = Vec::new();
    let mut describes = Vec::new();
    let mut args = Vec::new();
    for (index, input) in sig.inputs.iter().enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        let ty = &typed.ty;
        let span = ty.span().resolved_at(site);
        let rust_type = quote!(#ty).to_string();
        let slot = format_ident!("slot{index}", span = site);
        let arg = format_ident!("arg{index}", span = site);
        let (name, slot) = match &*typed.pat {
            Pat::Ident(pat) => {
                let name = pat.ident.unraw().to_string();
                names.push(syn::LitByteStr::new(name.as_bytes(), site));
                slots.push(slot.clone());
                (quote!(#private::Some(#name)), quote!(#slot))
            }
            _ => (quote!(#private::None), quote!(#private::None)),
        };
        let spec = quote! {
            &#private::ArgSpec {
                name: #name,
                index: #private::None,
                rust_type: #rust_type,
                default: false,
            }
        };
        takes.push(quote_spanned! {span=>
            let #arg = match <#ty as #private::Param<'_, _>>::take(#slot, &#request, #spec) {
                #private::Ok(taken) => taken,
                #private::Err(failure) => break 'run #private::Err(failure),
            };
        });
        describes.push(quote_spanned! {span=>
            <#ty as #private::Param<'_, _>>::describe(#spec, #description);
        });
        args.push(arg);
    }
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let call = if sig.asyncness.is_some() {
        quote!(#ident(#(#args),*).await)
    } else {
        quote!(#ident(#(#args),*))
    };
    let body = quote_spanned! {site=> 'run: {
        #(let mut #slots: #private::Option<#private::Value<'_>> = #private::None;)*
        for arg in #private::Request::message(&#request).args() {
            match arg.name.as_bytes() {
                #(#names if #private::Option::is_none(&#slots) => {
                    #slots = #private::Some(arg.value);
                })*
                _ => {}
            }
        }
        #(#takes)*
        #private::IntoActions::into_actions(#call, #actions)
    }};
    let run = if sig.asyncness.is_some() {
        quote_spanned! {site=>
            #private::Run::Async(|mut job| #private::Box::pin(async move {
                let mut buffer = #private::Job::take_actions(&mut job);
                let result = {
                    let #request = #private::Job::request(&job);
                    let #actions = &mut #private::ActionWriter::new(&mut buffer);
                    #body
                };
                #private::Job::finish(job, buffer, result)
            }))
        }
    } else {
        quote_spanned! {site=> #private::Run::Sync(|#request, #actions| #body) }
    };
    quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #vis struct #ident {}

        const _: () = {
            impl #private::Handler for #ident {
                const DEFINITION: &'static #private::Definition = &#private::Definition {
                    message: #private::Some(#message),
                    function: #private::concat!(#private::module_path!(), "::", #private::stringify!(#ident)),
                    file: #private::file!(),
                    line: #private::line!(),
                    docs: "",
                    timeout: #private::None,
                    variables: &[],
                    describe: |#description| {
                        #(#describes)*
                        <#output as #private::IntoActions>::describe(#description);
                    },
                    run: #run,
                };
            }
            #private::register!(#ident);
        };
    }
}
