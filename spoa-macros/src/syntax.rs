//! Small questions about the user's syntax.
//!
//! It must not know what a handler is.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Lifetime, Lit, Meta, Path, PathArguments, Type,
    TypePath,
};

/// What a `macro_rules` fragment holds comes in invisible delimiters, and parentheses mean nothing.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        match ty {
            Type::Group(group) => ty = &group.elem,
            Type::Paren(paren) => ty = &paren.elem,
            ty => return ty,
        }
    }
}

/// `State` of `spoa::handler::State<'_, Db>`.
pub(crate) fn last_name(ty: &Type) -> Option<&Ident> {
    match peel(ty) {
        Type::Path(TypePath {
            qself: None, path, ..
        }) => path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// The type arguments of `Result<A, E>`.
fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    path.segments
        .iter()
        .filter_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(angle) => Some(angle.args.iter()),
            _ => None,
        })
        .flatten()
}

/// Whether a type has types for arguments, as `Option<u8>`.
pub(crate) fn has_type_arguments(ty: &Type) -> bool {
    let is_type = |argument: &GenericArgument| matches!(argument, GenericArgument::Type(_));
    matches!(peel(ty), Type::Path(TypePath { path, .. }) if arguments(path).any(is_type))
}

/// The first type in the `<…>` of a type: `u8` of `Option<u8>`.
pub(crate) fn inner(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { path, .. }) = peel(ty) else {
        return None;
    };
    arguments(path).find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// Where a type asks for data that lives for `'static`. What is shared lives as long as the agent:
/// in `State<'_, T>` only the lifetime counts.
pub(crate) fn find_static(ty: &Type) -> Option<Span> {
    let is_static = |lifetime: &Lifetime| lifetime.ident == "static";
    match peel(ty) {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if is_static(lifetime) => Some(lifetime.span()),
            _ => find_static(&reference.elem),
        },
        Type::Path(TypePath { path, .. }) => {
            let shared = last_name(ty).is_some_and(|name| name == "State");
            arguments(path).find_map(|argument| match argument {
                GenericArgument::Lifetime(lifetime) if is_static(lifetime) => Some(lifetime.span()),
                GenericArgument::Type(inner) if !shared => find_static(inner),
                _ => None,
            })
        }
        Type::Tuple(tuple) => tuple.elems.iter().find_map(find_static),
        Type::Slice(slice) => find_static(&slice.elem),
        Type::Array(array) => find_static(&array.elem),
        _ => None,
    }
}

/// Where `Self` stands.
pub(crate) fn find_self(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Some(ident.span()),
        TokenTree::Group(group) => find_self(group.stream()),
        _ => None,
    })
}

/// Whether `impl Trait` stands anywhere in the type: such a type cannot be named again.
pub(crate) fn is_opaque(ty: &Type) -> bool {
    match peel(ty) {
        Type::ImplTrait(_) => true,
        Type::Reference(reference) => is_opaque(&reference.elem),
        Type::Path(TypePath { path, .. }) => arguments(path).any(|argument| match argument {
            GenericArgument::Type(inner) => is_opaque(inner),
            _ => false,
        }),
        Type::Tuple(tuple) => tuple.elems.iter().any(is_opaque),
        Type::Array(array) => is_opaque(&array.elem),
        _ => false,
    }
}

/// The type with every lifetime of `names` replaced by `'_`: outside the function they are declared
/// on they mean nothing.
pub(crate) fn relax(tokens: TokenStream, names: &[Ident]) -> TokenStream {
    relax_those(tokens, &|ident| names.contains(ident))
}

/// The type with `'_` for every lifetime.
pub(crate) fn erase(tokens: TokenStream) -> TokenStream {
    relax_those(tokens, &|_| true)
}

fn relax_those(tokens: TokenStream, which: &dyn Fn(&Ident) -> bool) -> TokenStream {
    let mut out = Vec::new();
    let mut after_quote = false;
    for token in tokens {
        let token = match token {
            TokenTree::Ident(ident) if after_quote && which(&ident) => {
                TokenTree::Ident(Ident::new("_", ident.span()))
            }
            TokenTree::Group(group) => {
                let mut relaxed = Group::new(group.delimiter(), relax_those(group.stream(), which));
                relaxed.set_span(group.span());
                TokenTree::Group(relaxed)
            }
            token => token,
        };
        after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        out.push(token);
    }
    out.into_iter().collect()
}

/// The type without its lifetimes, which say nothing to whoever reads about an argument.
pub(crate) fn timeless(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let is = |token: Option<&TokenTree>, c: char| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                // Its name, and what set it apart from its neighbours: `<'a, T>`, `dyn Trait + 'a`.
                tokens.next();
                tokens.next_if(|token| is(Some(token), ','));
                if is(out.last(), '+') {
                    out.pop();
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == '>' && is(out.last(), '<') => {
                out.pop();
            }
            TokenTree::Group(group) => {
                let inner = Group::new(group.delimiter(), timeless(group.stream()));
                out.push(TokenTree::Group(inner));
            }
            token => out.push(token),
        }
    }
    out.into_iter().collect()
}

/// The type as a person writes it: `Option<&str>`, not `Option < & str >`.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let mut out = String::new();
    show(tokens.to_token_stream(), &mut out);
    out
}

fn show(tokens: TokenStream, out: &mut String) {
    // What came last: a word needs a space before the next word, and these words before a bracket.
    let mut last = String::new();
    let mut joint = false;
    for token in tokens {
        let word =
            last != "'" && last.starts_with(|c: char| c.is_alphanumeric() || "_'".contains(c));
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                let apart = last.starts_with('\'') || ["mut", "dyn", "as"].contains(&&*last);
                if apart || (word && !matches!(open, "(" | "[")) {
                    out.push(' ');
                }
                out.push_str(open);
                show(group.stream(), out);
                out.push_str(close);
                last = close.to_owned();
            }
            TokenTree::Punct(punct) => {
                let c = punct.as_char();
                let more = punct.spacing() == Spacing::Joint;
                let arrow = joint && c == '>' && out.ends_with('-');
                let starts = matches!(c, '+' | '=') || (c == '-' && more);
                if (starts && !joint) || (c == '\'' && word) {
                    out.push(' ');
                }
                out.push(c);
                if matches!(c, ',' | ';' | '+') || (c == '=' && !more) || arrow {
                    out.push(' ');
                }
                joint = more;
                last = c.to_string();
            }
            token => {
                let text = token.to_string();
                if word {
                    out.push(' ');
                }
                out.push_str(&text);
                // The name of a lifetime comes as a word behind its quote.
                last = if last == "'" {
                    format!("'{text}")
                } else {
                    text
                };
                joint = false;
            }
        }
    }
}

/// The doc comment, as far as it stands in the source.
pub(crate) fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<_> = lines
        .map(|line| {
            line.strip_prefix(' ')
                .unwrap_or(&line)
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The conditions under which an item is there: what stands beside it is there under the same.
pub(crate) fn conditions(attrs: &[Attribute]) -> TokenStream {
    let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    quote!(#(#conditions)*)
}

/// `#[arg]` of `#[spoa::arg]`: the name under which an attribute is known.
pub(crate) fn is_named(attr: &Attribute, name: &str) -> bool {
    attr.path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Type {
        syn::parse_str(text).expect(text)
    }

    #[test]
    fn types_are_shown_as_written() {
        for text in [
            "&str",
            "&'a str",
            "&mut [u8]",
            "Option<&'a [u8]>",
            "State<'_, std::sync::Mutex<Db>>",
            "(u8, Vec<u8>)",
            "[u8; 4]",
            "&'a dyn Fn(u8) -> u8",
            "Box<dyn Error + Send>",
            "<T as Trait>::Item",
            "fn(&mut u8)",
        ] {
            assert_eq!(shown(parse(text)), text);
        }
    }

    #[test]
    fn lifetimes_are_left_out() {
        for (text, expected) in [
            ("&'a str", "&str"),
            ("Option<&'a [u8]>", "Option<&[u8]>"),
            ("Cow<'a, str>", "Cow<str>"),
            ("Value<'_>", "Value"),
            ("Vec<(Name<'a>, &'a mut T)>", "Vec<(Name, &mut T)>"),
            ("Box<dyn Error + 'static>", "Box<dyn Error>"),
            ("u8", "u8"),
        ] {
            assert_eq!(shown(timeless(parse(text).to_token_stream())), expected);
        }
    }

    #[test]
    fn only_the_lifetimes_named_are_relaxed() {
        let names: [Ident; 1] = [syn::parse_str("a").unwrap()];
        let relaxed = relax(
            parse("(&'a str, &'static [R<'a>])").to_token_stream(),
            &names,
        );
        assert_eq!(shown(relaxed), "(&'_ str, &'static [R<'_>])");
    }

    #[test]
    fn static_data_is_found_except_in_what_is_shared() {
        for text in [
            "&'static str",
            "Option<Cow<'static, str>>",
            "State<'static, Db>",
        ] {
            assert!(find_static(&parse(text)).is_some(), "{text}");
        }
        for text in ["&'a str", "State<'_, &'static str>", "u8"] {
            assert!(find_static(&parse(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn docs_are_joined_without_their_margin() {
        let item: syn::ItemStruct =
            syn::parse_str("/// One.\n///\n///   * two \n#[doc(hidden)] struct S;").unwrap();
        assert_eq!(docs(&item.attrs), "One.\n\n  * two");
    }
}
