//! `handlers![a, m::b]`: an array of definitions, each message once.
//!
//! It must not know what a definition holds.

use super::split;
use crate::errors::Errors;
use crate::hygiene::hygienic;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, Path, Token};

pub(crate) fn handlers(tokens: TokenStream) -> TokenStream {
    let (krate, list) = split(tokens);
    let mut errors = Errors::default();
    let paths = match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list) {
        Ok(list) => paths(&list, &mut errors),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    };
    if errors.is_empty() {
        return array(&quote!(#krate::__private), &paths);
    }
    // An array all the same, so that whoever takes it has nothing to complain of.
    let errors = errors.into_tokens();
    quote!({ #errors [] as [&'static #krate::__private::Definition; 0] })
}

/// The paths in a list, each once.
pub(super) fn paths<'e>(
    list: impl IntoIterator<Item = &'e Expr>,
    errors: &mut Errors,
) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for item in list {
        let path = match crate::options::ungroup(item) {
            Expr::Path(ExprPath {
                qself: None, path, ..
            }) => path,
            Expr::Call(call) => {
                errors.on(
                    item,
                    format_args!("a handler is named, not called: {}", remedy(&call.func)),
                );
                continue;
            }
            other => {
                errors.on(
                    other,
                    "a handler is named by the path of its function, as in `handlers![a, m::b]`",
                );
                continue;
            }
        };
        let text = path.to_token_stream().to_string();
        if paths
            .iter()
            .any(|before| before.to_token_stream().to_string() == text)
        {
            let text = text.replace(' ', "");
            errors.on(
                path,
                format_args!("`{text}` stands in this list twice: leave it out here"),
            );
        } else {
            paths.push(path.clone());
        }
    }
    paths
}

fn remedy(function: &Expr) -> String {
    format!(
        "write `{}`",
        function.to_token_stream().to_string().replace(' ', "")
    )
}

pub(super) fn array(private: &TokenStream, paths: &[Path]) -> TokenStream {
    let len = paths.len();
    let definitions = paths.iter().map(|path| {
        let span = path.span().resolved_at(Span::mixed_site());
        // A path imports whatever it names. A function without the attribute has no struct beside
        // it: then the type is the one of the block around it, and its missing trait makes an error
        // that says what to write.
        quote_spanned! {span=> {
            #[allow(unused_imports)]
            use #private::FunctionWithoutTheAttribute;
            {
                #[allow(unused_imports)]
                use #path as FunctionWithoutTheAttribute;
                <FunctionWithoutTheAttribute as #private::Handler>::DEFINITION
            }
        }}
    });
    let distinct = paths.iter().enumerate().skip(1).map(|(place, path)| {
        // Nothing of the macro's in its span: the compiler would blame the whole macro.
        quote_spanned! {path.span()=>
            const _: () = __spoa::check_distinct(&HANDLERS_, #place);
        }
    });
    hygienic! {{
        #[allow(unused_imports)]
        use #private as __spoa;
        const HANDLERS_: [&'static #private::Definition; #len] = [#(#definitions),*];
        #(#distinct)*
        HANDLERS_
    }}
}
