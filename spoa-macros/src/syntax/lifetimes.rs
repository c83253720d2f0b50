//! Types with some or all of their lifetimes left out.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};

/// Replaces the lifetimes of these names by `'_`, because they have no meaning outside the function that
/// declares them.
pub(crate) fn relax(tokens: TokenStream, names: &[Ident]) -> TokenStream {
    relax_those(tokens, &|ident| names.contains(ident))
}

/// Replaces every lifetime by `'_`.
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

/// Removes all lifetimes, which do not matter to a reader of the description of an argument.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::shown;
    use quote::ToTokens;
    use syn::Type;

    fn parse(text: &str) -> Type {
        syn::parse_str(text).expect(text)
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
}
