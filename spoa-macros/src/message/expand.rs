//! The code beside a handler: its definition and its registration.
//!
//! It cannot fail, because its input has been checked.

use super::attr::Attribute;
use super::body_variables::Scan;
use super::model::Function;
use super::{result_variable, variable_type};
use crate::argument::{self, bit};
use crate::assertion::{Words, require};
use crate::haproxy::variables::{Variable, variant};
use crate::hygiene::{Names, hygienic, import, ours, private};
use crate::options::ungroup;
use crate::syntax::{conditions, find_self, is_opaque, relax, shown, timeless};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use spoa_facts::Event;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, FnArg, GenericParam, ReturnType};

/// Returns the function, and what makes it a handler.
pub(crate) fn handler(attribute: &Attribute, function: &Function) -> TokenStream {
    let names = names(function);
    let private = &names.private;
    let ident = &function.sig.ident;
    let message = option(attribute.message.as_ref(), private);
    let micros = attribute
        .timeout
        .map(|(micros, _)| quote!(#private::micros(#micros)));
    let timeout = option(micros, private);
    let said = |said: &Option<(String, Span)>| option(said.as_ref().map(|(text, _)| text), private);
    let (event, condition, group) = (
        said(&attribute.event),
        said(&attribute.condition),
        said(&attribute.group),
    );
    let docs = &function.docs;
    let returned = result_variable::of(&function.body);
    let variables = function.scan.variables.iter().map(|variable| {
        let presence = if returned.as_ref() == Some(variable) && attribute.set.is_none() {
            quote!(#private::Presence::Always)
        } else {
            quote!(#private::Presence::Unknown)
        };
        described(variable, attribute, function, &presence)
    });
    let on_failure = attribute.on_failure.as_ref();
    let failure_variables = on_failure.map(|(function, scan)| failure_variables(function, scan));
    let failure_variables = failure_variables.unwrap_or_default();
    let on_failure = on_failure.map(|(function, _)| {
        // The compiler reports an unsuitable function at its place.
        let span = function.span().resolved_at(Span::mixed_site());
        quote_spanned!(span=> |asked| asked.of(#function))
    });
    let on_failure = option(on_failure, private);
    let name = ident.unraw().to_string();
    let describe = describe(attribute, function, &names);
    let run = run(attribute, function, &names);
    // `line!` gives the line of the tokens it is made of.
    let private_there = Ident::new(&private.to_string(), ident.span());
    let line = quote_spanned!(ident.span()=> #private_there::line!());
    let definition = quote! {
        &#private::Definition {
            message: #message,
            function: #private::concat!(#private::module_path!(), "::", #name),
            file: #private::file!(),
            line: #line,
            docs: #docs,
            timeout: #timeout,
            event: #event,
            condition: #condition,
            group: #group,
            variables: &[#(#variables),*],
            on_failure: #on_failure,
            failure_variables: &[#(#failure_variables),*],
            describe: #describe,
            run: #run,
        }
    };
    let register = quote!(#private::register!(#ident););
    beside(attribute, function, &definition, &register)
}

/// Returns the function, and a handler that does nothing, so that code that names it causes no second
/// error.
pub(crate) fn stub(attribute: &Attribute, function: &Function) -> TokenStream {
    let sig = &function.sig;
    if sig.receiver().is_some() || find_self(sig.to_token_stream()).is_some() {
        // It is in an `impl`, which cannot contain a struct.
        return emitted(function);
    }
    if !function.has_body() {
        // It is in a trait, which cannot contain a struct.
        return emitted(function);
    }
    let private = private();
    beside(
        attribute,
        function,
        &quote!(&#private::STUB),
        &TokenStream::new(),
    )
}

/// Returns a handler that does nothing, for a function that does not parse.
pub(crate) fn stub_of(ident: &Ident) -> TokenStream {
    let private = private();
    let import = import(None);
    let structure = quote_spanned!(ident.span()=> struct #ident {});
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        pub(crate) #structure

        const _: () = {
            #import
            impl #private::Defined for #ident {
                const DEFINITION: &'static #private::Definition = &#private::STUB;
            }
        };
    }
}

fn names(function: &Function) -> Names {
    let lifetimes = function
        .sig
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Lifetime(param) => Some(param.lifetime.ident.clone()),
            _ => None,
        });
    Names {
        private: private(),
        request: ours("request"),
        lifetime: quote!('_),
        foreign: lifetimes.collect(),
    }
}

fn emitted(function: &Function) -> TokenStream {
    let Function {
        attrs,
        vis,
        sig,
        body,
        ..
    } = function;
    quote!(#(#attrs)* #vis #sig #body)
}

/// Adds a struct and its implementation beside the function. A braced struct can have the function's name
/// without hiding it, because its name is among the types only.
fn beside(
    attribute: &Attribute,
    function: &Function,
    definition: &TokenStream,
    register: &TokenStream,
) -> TokenStream {
    let private = private();
    let import = import(attribute.krate.as_ref());
    let (vis, ident) = (&function.vis, &function.sig.ident);
    // A second type of that name is reported at the function's name.
    let structure = quote_spanned!(ident.span()=> struct #ident {});
    let cfg = conditions(&function.attrs);
    let function = emitted(function);
    quote! {
        #function

        #cfg
        #[doc(hidden)]
        #[allow(
            non_camel_case_types,
            dead_code,
            unreachable_pub,
            missing_copy_implementations,
            missing_debug_implementations
        )]
        #vis #structure

        #cfg
        #[allow(elided_lifetimes_in_paths, deprecated)]
        const _: () = {
            #import
            impl #private::Defined for #ident {
                const DEFINITION: &'static #private::Definition = #definition;
            }
            #register
        };
    }
}

fn option(value: Option<impl ToTokens>, private: &Ident) -> TokenStream {
    match value {
        Some(value) => quote!(#private::Some(#value)),
        None => quote!(#private::None),
    }
}

/// Returns the descriptions of the variables that the text of an `on_failure` names.
fn failure_variables(function: &Expr, scan: &Scan) -> Vec<TokenStream> {
    let private = private();
    let certain = match ungroup(function) {
        Expr::Closure(closure) => result_variable::of_expr(&closure.body),
        _ => None,
    };
    let variables = scan.variables.iter().map(|variable| {
        let presence = if certain.as_ref() == Some(variable) {
            quote!(#private::Presence::Always)
        } else {
            quote!(#private::Presence::Unknown)
        };
        description(variable, &quote!(#private::None), &presence)
    });
    variables.collect()
}

/// Returns the description of a variable that the handler sets.
fn described(
    variable: &Variable,
    attribute: &Attribute,
    function: &Function,
    presence: &TokenStream,
) -> TokenStream {
    let private = private();
    let rust_type = option(variable_type::of(attribute, function), &private);
    description(variable, &rust_type, presence)
}

fn description(
    variable: &Variable,
    rust_type: &TokenStream,
    presence: &TokenStream,
) -> TokenStream {
    let private = private();
    let Variable { scope, name } = variable;
    let scope = ours(&variant(*scope));
    quote! {
        #private::VariableDescription {
            scope: #private::Scope::#scope,
            name: #name,
            rust_type: #rust_type,
            presence: #presence,
        }
    }
}

fn describe(attribute: &Attribute, function: &Function, names: &Names) -> TokenStream {
    let private = &names.private;
    let description = ours("description");
    let event = attribute.event.as_ref();
    let event = event.and_then(|(event, _)| event.parse().ok());
    let arguments = argument::describe(&function.arguments, event, names, &description);
    let events = event.map(|event| events(event, function, names));
    // An opaque type cannot be named here.
    let named = match &function.sig.output {
        ReturnType::Type(_, ty) if !is_opaque(ty) => {
            let span = ty.span().resolved_at(Span::mixed_site());
            Some((span, relax(ty.to_token_stream(), &names.foreign)))
        }
        _ => None,
    };
    let result = match (&attribute.set, named) {
        (Some((variable, _)), named) => {
            let presence = match named {
                Some((span, ty)) => {
                    quote_spanned!(span=> <#ty as #private::Variable>::presence())
                }
                None => quote!(#private::Presence::Unknown),
            };
            let variable = described(variable, attribute, function, &presence);
            hygienic!(#description.variable(#variable);)
        }
        (None, Some((span, ty))) => quote_spanned! {span=>
            <#ty as #private::IntoActions>::describe(#description);
            #description.returns = <#ty as #private::IntoActions>::presence();
        },
        // The variables of an opaque type are unknown.
        (None, None) if matches!(function.sig.output, ReturnType::Type(..)) => {
            hygienic!(#description.open = true;)
        }
        (None, None) => TokenStream::new(),
    };
    if arguments.is_empty() && result.is_empty() {
        return quote!(|_| {});
    }
    quote!(|#description| { #events #arguments #result })
}

/// Returns code that does not compile if a struct of arguments has samples that do not exist at the event.
fn events(event: Event, function: &Function, names: &Names) -> TokenStream {
    let bit = bit(event);
    let checks = argument::events(&function.arguments, names).map(|(argument, events)| {
        let span = argument.ty.span().resolved_at(Span::mixed_site());
        let shown = shown(timeless(argument.ty.to_token_stream()));
        let words = format!(
            "a sample of `{shown}` does not exist at `{event}`: send the message at another event, or \
             do without it"
        );
        let holds = quote_spanned!(span=> #events & #bit != 0);
        let words = Words {
            message: &words,
            label: "has a sample that does not exist at this event",
            notes: &[],
        };
        require(&holds, &words, span, names)
    });
    quote!(#(#checks)*)
}

fn run(attribute: &Attribute, function: &Function, names: &Names) -> TokenStream {
    let Names {
        private, request, ..
    } = names;
    let (job, actions) = (ours("job"), ours("actions"));
    let asyncness = &function.sig.asyncness;
    if let Some(asyncness) = asyncness {
        let writer = hygienic!(&mut #actions);
        let answer = answer(attribute, function, names, &writer);
        // The compiler reports a future that is not `Send` here, so all of it is at the `async`.
        let span = asyncness.span.resolved_at(Span::mixed_site());
        let body = quote_spanned! {span=>
            async move {
                let result = {
                    let (#request, mut #actions) = #private::Job::parts(&mut #job);
                    let #request = &#request;
                    let result = #answer;
                    (result, #private::ActionWriter::left_out(&#actions))
                };
                #private::Job::finish(#job, result)
            }
        };
        let private = Ident::new(&private.to_string(), span);
        let boxed = quote_spanned!(span=> #private::Box::pin(#body));
        return hygienic!(#private::Run::Async(|mut #job| #boxed));
    }
    let answer = answer(attribute, function, names, &actions.to_token_stream());
    let variant = if attribute.blocking.is_some() {
        ours("Blocking")
    } else {
        ours("Sync")
    };
    hygienic!(#private::Run::#variant(|#request, #actions| #answer))
}

/// Returns an expression of the type `Result<(), Failure>`, which takes the arguments, calls the function
/// and writes its result.
fn answer(
    attribute: &Attribute,
    function: &Function,
    names: &Names,
    writer: &TokenStream,
) -> TokenStream {
    let ident = &function.sig.ident;
    let arguments = argument::variables(&function.arguments);
    let call = call(ident, &arguments, function);
    let written = written(attribute, function, names, &call, writer);
    if arguments.is_empty() {
        return written;
    }
    let take = argument::take(&function.arguments, names);
    hygienic! {
        'run: {
            // The slots end here, so that no future holds them.
            let (#(#arguments,)*) = #take;
            #written
        }
    }
}

fn call(ident: &Ident, arguments: &[Ident], function: &Function) -> TokenStream {
    // A method is an error, so that no receiver is left out here.
    debug_assert!(
        function
            .sig
            .inputs
            .iter()
            .all(|input| matches!(input, FnArg::Typed(_)))
    );
    match &function.sig.asyncness {
        Some(_) => quote!(#ident(#(#arguments),*).await),
        None => quote!(#ident(#(#arguments),*)),
    }
}

fn written(
    attribute: &Attribute,
    function: &Function,
    names: &Names,
    call: &TokenStream,
    writer: &TokenStream,
) -> TokenStream {
    let private = &names.private;
    let ReturnType::Type(_, ty) = &function.sig.output else {
        return hygienic!(#private::IntoActions::into_actions(#call, #writer));
    };
    // At the type, where the compiler then reports an unsuitable one.
    let span = ty.span().resolved_at(Span::mixed_site());
    let named = if is_opaque(ty) {
        quote_spanned!(span=> _)
    } else {
        relax(ty.to_token_stream(), &names.foreign)
    };
    match &attribute.set {
        Some((Variable { scope, name }, _)) => {
            let scope = ours(&variant(*scope));
            quote_spanned! {span=>
                <#named as #private::Variable>::write(#call, #private::Scope::#scope, #name, #writer)
            }
        }
        None => {
            quote_spanned!(span=> <#named as #private::IntoActions>::into_actions(#call, #writer))
        }
    }
}
