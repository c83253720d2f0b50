//! The function under the attribute, in the parts that matter.
//!
//! The body is emitted as it is, token by token: the compiler checks it.

use super::attr::AttributeKind;
use super::body_variables::{self, Scan};
use crate::argument::Argument;
use crate::errors::Errors;
use crate::syntax;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{FnArg, Signature, Visibility};

pub(crate) struct Function {
    pub(crate) attrs: Vec<syn::Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) docs: String,
    /// The variables that the body sets, as far as its text tells.
    pub(crate) scan: Scan,
}

/// Returns the name of a function that does not parse, for instance while it is being typed.
pub(crate) fn half_typed(item: &TokenStream) -> Option<Ident> {
    let mut tokens = item.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}

fn is_block(body: &TokenStream) -> bool {
    let first = body.clone().into_iter().next();
    matches!(first, Some(TokenTree::Group(_)))
}

impl Function {
    pub(crate) fn has_body(&self) -> bool {
        is_block(&self.body)
    }

    /// Reads a function. Returns `None` for anything else, which needs no stub.
    pub(crate) fn parse(
        item: TokenStream,
        kind: AttributeKind,
        errors: &mut Errors,
    ) -> Option<Self> {
        let parts = |input: ParseStream<'_>| {
            let attrs = input.call(syn::Attribute::parse_outer)?;
            let vis: Visibility = input.parse()?;
            let sig: Signature = input.parse()?;
            let body: TokenStream = input.parse()?;
            Ok((attrs, vis, sig, body))
        };
        let Ok((attrs, vis, mut sig, body)) = parts.parse2(item.clone()) else {
            if half_typed(&item).is_some() {
                // The compiler says what is wrong with it.
                return None;
            }
            errors.at(
                proc_macro2::Span::call_site(),
                format_args!("`#[{}]` is for functions: put it above `fn …`", kind.name()),
            );
            return None;
        };
        let mut arguments = Vec::new();
        for input in &mut sig.inputs {
            match input {
                FnArg::Typed(typed) => arguments.push(Argument::parameter(
                    &mut typed.attrs,
                    &typed.pat,
                    &typed.ty,
                    errors,
                )),
                FnArg::Receiver(receiver) => errors.at(
                    receiver.self_token.span,
                    "a handler cannot be a method: write a free function, and take shared data as \
                     `State<'_, T>`",
                ),
            }
        }
        if !is_block(&body) {
            errors.at(
                sig.ident.span(),
                "a handler needs a body, and cannot be part of a trait: write a free function, which may \
                 call the one of the trait",
            );
        }
        let docs = syntax::docs(&attrs);
        let scan = body_variables::scan(&body);
        Some(Function {
            attrs,
            vis,
            sig,
            body,
            arguments,
            docs,
            scan,
        })
    }
}
