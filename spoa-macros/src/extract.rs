//! The code that takes arguments out of a message: one pass over it, one slot for each argument.
//!
//! It must not judge what the user wrote: whatever reaches it can be expanded.

use crate::argument::{Argument, Fallback, Kind, Source};
use crate::sample::Sample;
use crate::syntax::{relax, shown, timeless};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

/// What the expansions of one attribute have in common.
pub(crate) struct Names {
    /// What `import` brings in: the module that generated code names everything from.
    pub(crate) private: Ident,
    /// The request, a `&Request<'_>`.
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

/// The variables that hold the arguments, in their order.
pub(crate) fn variables(arguments: &[Argument]) -> Vec<Ident> {
    (0..arguments.len())
        .map(|index| ours(&format!("argument{index}")))
        .collect()
}

/// An expression: the tuple of the arguments, or `break 'run Err(failure)`.
pub(crate) fn take(arguments: &[Argument], names: &Names) -> TokenStream {
    let Names {
        private, request, ..
    } = names;
    let variables = variables(arguments);
    let slots: Vec<_> = (0..arguments.len())
        .map(|index| ours(&format!("slot{index}")))
        .collect();
    let mut used = Vec::new();
    let mut in_order = Vec::new();
    let mut by_name = Vec::new();
    let mut by_place = Vec::new();
    for (argument, slot) in arguments.iter().zip(&slots) {
        match &argument.source {
            Source::Named(name) => {
                let name = Literal::byte_string(name.as_bytes());
                in_order.push(hygienic! {
                    match next {
                        #private::Some(arg) if arg.name.as_bytes() == #name => {
                            #slot = #private::Some(arg.value);
                            next = #private::Iterator::next(&mut args);
                        }
                        _ => {}
                    }
                });
                by_name.push(hygienic! {
                    #name if #private::Option::is_none(&#slot) => #slot = #private::Some(arg.value),
                });
            }
            Source::At(place) => {
                let place = Literal::usize_unsuffixed(*place);
                by_place.push(hygienic!(#place => #slot = #private::Some(arg.value),));
            }
            Source::Message => continue,
        }
        used.push(slot);
    }
    let takes = arguments
        .iter()
        .zip(&slots)
        .zip(&variables)
        .map(|((argument, slot), variable)| take_one(argument, slot, variable, names));
    let by_name = (!by_name.is_empty()).then(|| {
        hygienic! {
            match arg.name.as_bytes() {
                #(#by_name)*
                _ => {}
            }
        }
    });
    let args = hygienic!(#private::Request::message(#request).args());
    let pass = if !by_place.is_empty() {
        hygienic! {
            for (place, arg) in #private::Iterator::enumerate(#args) {
                match place {
                    #(#by_place)*
                    _ => {}
                }
                #by_name
            }
        }
    } else if by_name.is_some() {
        // HAProxy sends arguments as spoe.conf has them, which is mostly the order of the parameters:
        // one comparison for each, and a search only for those that are left.
        hygienic! {
            let mut args = #args;
            let mut next = #private::Iterator::next(&mut args);
            #(#in_order)*
            while let #private::Some(arg) = next {
                #by_name
                next = #private::Iterator::next(&mut args);
            }
        }
    } else {
        TokenStream::new()
    };
    hygienic! {{
        #(let mut #used: #private::Option<#private::Value<'_>> = #private::None;)*
        #pass
        #(#takes)*
        (#(#variables,)*)
    }}
}

fn take_one(argument: &Argument, slot: &Ident, variable: &Ident, names: &Names) -> TokenStream {
    let Names {
        private, request, ..
    } = names;
    let param = param(argument, names);
    let spec = spec(argument, private);
    let slot = match argument.source {
        Source::Message => quote!(#private::None),
        Source::Named(_) | Source::At(_) => slot.to_token_stream(),
    };
    let span = argument.ty.span().resolved_at(Span::mixed_site());
    let take = quote_spanned! {span=>
        match #param::take(#slot, #request, #spec) {
            #private::Ok(taken) => taken,
            #private::Err(failure) => break 'run #private::Err(failure),
        }
    };
    let ty = relax(argument.ty.to_token_stream(), &names.foreign);
    match &argument.fallback {
        None => hygienic!(let #variable = #take;),
        Some(fallback) => {
            let value = match fallback {
                Fallback::Expression(value) => value.to_token_stream(),
                Fallback::Default(span) => {
                    let span = span.resolved_at(Span::mixed_site());
                    quote_spanned!(span=> <#ty as #private::HasDefault>::value())
                }
            };
            hygienic! {
                let #variable: #ty = if #private::is_absent(#slot) { #value } else { #take };
            }
        }
    }
}

/// Statements that name the arguments and states.
pub(crate) fn describe(arguments: &[Argument], names: &Names, description: &Ident) -> TokenStream {
    let all = arguments.iter().map(|argument| {
        let param = param(argument, names);
        let spec = spec(argument, &names.private);
        let span = argument.ty.span().resolved_at(Span::mixed_site());
        quote_spanned!(span=> #param::describe(#spec, #description);)
    });
    let checks = arguments.iter().filter_map(|argument| {
        let sample = argument.sample.as_ref()?;
        Some(sample.check_type(&argument.ty, names))
    });
    quote!(#(#checks)* #(#all)*)
}

/// What is made from the whole message may have samples of its own: an expression for the events at
/// which they are there, a bit for each.
pub(crate) fn events<'a>(
    arguments: &'a [Argument],
    names: &'a Names,
) -> impl Iterator<Item = (&'a Argument, TokenStream)> {
    let whole = arguments
        .iter()
        .filter(|argument| argument.kind != Kind::Value);
    whole.map(|argument| {
        let param = param(argument, names);
        let span = argument.ty.span().resolved_at(Span::mixed_site());
        let events = quote_spanned!(span=> #param::EVENTS);
        (argument, events)
    })
}

/// `<Type as Param<'_, _>>`, all of it at the type: there the compiler reports a type that will not
/// do.
fn param(argument: &Argument, names: &Names) -> TokenStream {
    let Names {
        private,
        lifetime,
        foreign,
        ..
    } = names;
    let ty = relax(argument.ty.to_token_stream(), foreign);
    let span = argument.ty.span().resolved_at(Span::mixed_site());
    let kind = match argument.kind {
        Kind::Either => quote_spanned!(span=> _),
        Kind::Value => quote_spanned!(span=> #private::ByValue),
        Kind::Message => quote_spanned!(span=> #private::ByMessage),
    };
    quote_spanned!(span=> <#ty as #private::Param<#lifetime, #kind>>)
}

fn spec(argument: &Argument, private: &Ident) -> TokenStream {
    let none = || quote!(#private::None);
    let (name, index) = match &argument.source {
        Source::Named(name) => (quote!(#private::Some(#name)), none()),
        Source::At(index) => (none(), quote!(#private::Some(#index))),
        Source::Message => (none(), none()),
    };
    let rust_type = shown(timeless(argument.ty.to_token_stream()));
    let default = argument.fallback.is_some();
    let sample = match &argument.sample {
        Some(Sample { text, .. }) => quote!(#private::Some(#text)),
        None => none(),
    };
    let may_be_missing = argument.sample.as_ref().is_some_and(Sample::may_be_missing);
    quote! {
        &#private::ArgSpec {
            name: #name,
            index: #index,
            rust_type: #rust_type,
            default: #default,
            sample: #sample,
            may_be_missing: #may_be_missing,
        }
    }
}
