//! Tokens as a person writes them.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Returns a type or an expression as a person writes it: `Option<&str>`, not `Option < & str >`.
///
/// `TokenStream::to_string` does not do: its spacing is that of rustc, which differs between versions.
/// `prettyplease` would be a dependency of every agent, and prints whole files only.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let mut out = String::new();
    show(tokens.to_token_stream(), &mut out);
    out
}

fn show(tokens: TokenStream, out: &mut String) {
    // The last token: a word needs a space before the next word, and some words need one before a bracket.
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
                // The name of a lifetime comes as a word after its quote.
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

#[cfg(test)]
mod tests {
    use super::*;
    use syn::Type;

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
}
