//! Lists of options, `"name", key = value, flag`: one table for each attribute says what it knows.
//!
//! It must not know what an option is for.

use crate::errors::Errors;
use crate::names::nearest;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, ExprPath, Lit, LitInt, LitStr, Path, Token};

/// An option that an attribute or macro knows.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) key: &'static str,
    pub(crate) takes: Takes,
    /// How it is written, for the error that tells.
    pub(crate) form: &'static str,
    pub(crate) repeatable: bool,
}

/// What follows the key of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Text,
    Whole,
    Path,
    Expression,
    /// An expression or nothing.
    Perhaps,
}

impl Known {
    pub(crate) const fn new(key: &'static str, takes: Takes, form: &'static str) -> Self {
        Known {
            key,
            takes,
            form,
            repeatable: false,
        }
    }

    pub(crate) const fn repeatable(self) -> Self {
        Known {
            repeatable: true,
            ..self
        }
    }
}

/// One option that was given.
pub(crate) struct Given {
    pub(crate) key: &'static str,
    pub(crate) span: Span,
    pub(crate) value: Option<Expr>,
}

/// The options that were given and are well formed; those that are not are among the errors.
#[derive(Default)]
pub(crate) struct Options {
    /// What stood first, without a key, where the attribute takes that.
    pub(crate) first: Option<Expr>,
    given: Vec<Given>,
}

impl Options {
    /// Reads a list. `first` says whether a value without a key may stand at its head.
    pub(crate) fn parse(
        tokens: TokenStream,
        table: &'static [Known],
        first: bool,
        errors: &mut Errors,
    ) -> Self {
        let mut options = Options::default();
        let read = |input: ParseStream<'_>| {
            options.read(input, table, first, errors);
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        options
    }

    fn read(
        &mut self,
        input: ParseStream<'_>,
        table: &'static [Known],
        first: bool,
        errors: &mut Errors,
    ) {
        let mut at_head = true;
        while !input.is_empty() {
            let entry = self.entry(input, table, first && at_head, errors);
            at_head = false;
            if let Err(error) = entry {
                errors.push(error);
                skip_to_comma(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                errors.push(input.error("expected `,` between two options"));
                skip_to_comma(input);
            }
            let _ = input.parse::<Option<Token![,]>>();
        }
    }

    fn entry(
        &mut self,
        input: ParseStream<'_>,
        table: &'static [Known],
        first: bool,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) || (first && !is_key(input, table)) {
            let value: Expr = input.parse()?;
            if first {
                self.first = Some(value);
            } else {
                errors.on(value, format_args!("expected an option: {}", one_of(table)));
            }
            return Ok(());
        }
        let key = Ident::parse_any(input)?;
        let name = key.unraw().to_string();
        let Some(known) = table.iter().find(|known| known.key == name) else {
            skip_to_comma(input);
            errors.at(key.span(), unknown(&name, table));
            return Ok(());
        };
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if input.is_empty() || input.peek(Token![,]) {
                None
            } else {
                Some(input.parse::<Expr>()?)
            }
        } else if input.is_empty() || input.peek(Token![,]) {
            None
        } else {
            let text = format!("write `{}`", known.form);
            return Err(syn::Error::new(input.span(), text));
        };
        let span = key.span();
        if !known.repeatable && self.given.iter().any(|given| given.key == known.key) {
            errors.at(span, format_args!("`{name}` is given twice: keep one"));
        } else if let Err((span, problem)) = known.takes.check(value.as_ref(), span) {
            errors.at(
                span,
                format_args!("`{name}` {problem}: write `{}`", known.form),
            );
        } else {
            self.given.push(Given {
                key: known.key,
                span,
                value,
            });
        }
        Ok(())
    }

    fn find(&self, key: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.key == key)
    }

    /// Where an option stands.
    pub(crate) fn span(&self, key: &str) -> Option<Span> {
        self.find(key).map(|given| given.span)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&LitStr> {
        self.find(key)?.value.as_ref().and_then(text)
    }

    pub(crate) fn whole(&self, key: &str) -> Option<&LitInt> {
        self.find(key)?.value.as_ref().and_then(whole)
    }

    pub(crate) fn path(&self, key: &str) -> Option<&Path> {
        self.find(key)?.value.as_ref().and_then(path)
    }

    pub(crate) fn expression(&self, key: &str) -> Option<&Expr> {
        self.find(key)?.value.as_ref()
    }

    /// The values of a repeatable option, in their order.
    pub(crate) fn all<'o>(&'o self, key: &'o str) -> impl Iterator<Item = &'o Expr> {
        self.given
            .iter()
            .filter(move |given| given.key == key)
            .filter_map(|g| g.value.as_ref())
    }
}

impl Takes {
    /// What is wrong with a value, and where.
    fn check(self, value: Option<&Expr>, key: Span) -> Result<(), (Span, &'static str)> {
        let problem = match (self, value) {
            (Takes::Nothing | Takes::Perhaps, None) => return Ok(()),
            (_, None) => return Err((key, "needs a value")),
            (Takes::Nothing, Some(_)) => "takes no value",
            (Takes::Text, Some(value)) if text(value).is_none() => "takes a text in quotes",
            (Takes::Whole, Some(value)) if whole(value).is_none() => "takes a whole number",
            (Takes::Path, Some(value)) if path(value).is_none() => "takes a path",
            (_, Some(_)) => return Ok(()),
        };
        Err((value.map_or(key, syn::spanned::Spanned::span), problem))
    }
}

/// The text of a string literal.
pub(crate) fn text(value: &Expr) -> Option<&LitStr> {
    match ungroup(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

fn whole(value: &Expr) -> Option<&LitInt> {
    match ungroup(value) {
        Expr::Lit(ExprLit {
            lit: Lit::Int(whole),
            ..
        }) => Some(whole),
        _ => None,
    }
}

fn path(value: &Expr) -> Option<&Path> {
    match ungroup(value) {
        Expr::Path(ExprPath {
            qself: None, path, ..
        }) => Some(path),
        _ => None,
    }
}

/// What a `macro_rules` fragment holds comes in invisible delimiters.
pub(crate) fn ungroup(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

/// `expected one of …` and the nearest name, for a key that the table does not have.
fn unknown(name: &str, table: &'static [Known]) -> String {
    let expected = one_of(table);
    match nearest(name, table.iter().map(|known| known.key)) {
        Some(near) => format!("unknown option `{name}`, {expected}; did you mean `{near}`?"),
        None => format!("unknown option `{name}`, {expected}"),
    }
}

fn one_of(table: &'static [Known]) -> String {
    let forms: Vec<_> = table
        .iter()
        .map(|known| format!("`{}`", known.form))
        .collect();
    match forms.as_slice() {
        [only] => format!("expected {only}"),
        forms => format!("expected one of {}", forms.join(", ")),
    }
}

/// Whether an option begins here, rather than a value that stands alone.
fn is_key(input: ParseStream<'_>, table: &'static [Known]) -> bool {
    let ahead = input.fork();
    let Ok(key) = Ident::parse_any(&ahead) else {
        return false;
    };
    ahead.peek(Token![=]) || table.iter().any(|known| key == known.key)
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
