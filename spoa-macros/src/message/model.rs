//! The function under the attribute, in the parts that matter.
//!
//! It leaves the body alone: what is in it is the compiler's to judge, and is emitted token by
//! token as it came.

use super::attr::Kind;
use super::scan::{self, Scan};
use crate::argument::Argument;
use crate::errors::Errors;
use crate::syntax;
use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser};
use syn::{FnArg, Signature, Visibility};

pub(crate) struct Function {
    pub(crate) attrs: Vec<syn::Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) docs: String,
    /// What the body says of variables.
    pub(crate) scan: Scan,
}

impl Function {
    /// `None` if it is no function: then there is nothing to stand in for.
    pub(crate) fn parse(item: TokenStream, kind: Kind, errors: &mut Errors) -> Option<Self> {
        let parts = |input: ParseStream<'_>| {
            let attrs = input.call(syn::Attribute::parse_outer)?;
            let vis: Visibility = input.parse()?;
            let sig: Signature = input.parse()?;
            let body: TokenStream = input.parse()?;
            Ok((attrs, vis, sig, body))
        };
        let Ok((attrs, vis, mut sig, body)) = parts.parse2(item) else {
            errors.at(
                proc_macro2::Span::call_site(),
                format_args!(
                    "`#[{}]` stands on a function: put it above `fn …`",
                    kind.name()
                ),
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
                    "a handler belongs to no type: write a free function, and take shared data as \
                     `State<'_, T>`",
                ),
            }
        }
        let docs = syntax::docs(&attrs);
        let scan = scan::scan(&body);
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
