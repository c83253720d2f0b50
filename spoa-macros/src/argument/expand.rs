//! The code that takes arguments from a message: one pass over the message, one slot for each argument.
//!
//! It cannot fail, because its input has been checked.

use super::attr::{Fallback, Source};
use super::model::Argument;
use super::param::param;
use super::rejection;
use super::sample::Sample;
use crate::hygiene::{Names, hygienic, ours};
use crate::syntax::{relax, shown, timeless};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use spoa_facts::Event;
use syn::spanned::Spanned;

/// Returns the variables that hold the arguments, in their order.
pub(crate) fn variables(arguments: &[Argument]) -> Vec<Ident> {
    (0..arguments.len())
        .map(|index| ours(&format!("argument{index}")))
        .collect()
}

/// Returns an expression that gives the tuple of the arguments, or leaves by `break 'run Err(failure)`.
pub(crate) fn take(arguments: &[Argument], names: &Names) -> TokenStream {
    let Names {
        private, request, ..
    } = names;
    let variables = variables(arguments);
    let takes = arguments
        .iter()
        .zip(&variables)
        .map(|(argument, variable)| take_one(argument, variable, names));
    hygienic! {{
        let mut arguments = #private::ArgCursor::of(#request);
        #(#takes)*
        (#(#variables,)*)
    }}
}

fn take_one(argument: &Argument, variable: &Ident, names: &Names) -> TokenStream {
    let Names {
        private, request, ..
    } = names;
    let param = param(argument, names);
    let spec = spec(argument, private);
    let span = argument.ty.span().resolved_at(Span::mixed_site());
    let take = |method: &str| {
        let method = ours(method);
        quote_spanned! {span=>
            match #param::#method(&mut arguments, #request, #spec) {
                #private::Ok(taken) => taken,
                #private::Err(failure) => break 'run #private::Err(failure),
            }
        }
    };
    let Some(fallback) = &argument.fallback else {
        let take = take("take");
        return hygienic!(let #variable = #take;);
    };
    let ty = relax(argument.ty.to_token_stream(), &names.foreign);
    let value = match fallback {
        Fallback::Expression(value) => value.to_token_stream(),
        Fallback::Default(span) => {
            let span = span.resolved_at(Span::mixed_site());
            quote_spanned!(span=> <#ty as #private::HasDefault>::value())
        }
    };
    let take = take("take_present");
    hygienic! {
        let #variable: #ty = match #take {
            // First, so that the error for a wrong type is at the default.
            #private::None => #value,
            #private::Some(taken) => taken,
        };
    }
}

/// Returns statements that describe the arguments and states, and check them for a message of this event, or of any.
pub(crate) fn describe(
    arguments: &[Argument],
    event: Option<Event>,
    names: &Names,
    description: &Ident,
) -> TokenStream {
    let all = arguments.iter().map(|argument| {
        let param = param(argument, names);
        let spec = spec(argument, &names.private);
        let span = argument.ty.span().resolved_at(Span::mixed_site());
        let describe = quote_spanned!(span=> #param::describe(#spec, #description));
        if argument.secret {
            let private = &names.private;
            quote!(#private::describe_secret(#description, |#description| #describe);)
        } else {
            quote!(#describe;)
        }
    });
    let checks = arguments.iter().filter_map(|argument| {
        let sample = argument.sample.as_ref()?;
        Some(sample.check_type(&argument.ty, names))
    });
    let clients = arguments
        .iter()
        .filter_map(|argument| rejection::check(argument, event, names));
    quote!(#(#checks)* #(#clients)* #(#all)*)
}

/// Returns the parameters whose types may have samples of their own, each with an expression for the events at
/// which these samples exist, a bit for each.
pub(crate) fn events<'a>(
    arguments: &'a [Argument],
    names: &'a Names,
) -> impl Iterator<Item = (&'a Argument, TokenStream)> {
    let whole = arguments
        .iter()
        .filter(|argument| argument.sample.is_none());
    whole.map(|argument| {
        let param = param(argument, names);
        let span = argument.ty.span().resolved_at(Span::mixed_site());
        let events = quote_spanned!(span=> #param::EVENTS);
        (argument, events)
    })
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
    let attribute = argument.spelling.name();
    quote! {
        &#private::ArgSpec {
            name: #name,
            index: #index,
            rust_type: #rust_type,
            default: #default,
            sample: #sample,
            may_be_missing: #may_be_missing,
            attribute: #attribute,
        }
    }
}
