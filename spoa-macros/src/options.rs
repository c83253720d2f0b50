//! Lists of options, `"name", key = value, flag`: one table for each attribute says what it knows.
//!
//! It must not know what an option is for.

use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use spoa_facts::nearest;
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

/// The value that may stand at the head of a list, without a key.
#[derive(Debug)]
pub(crate) struct First {
    /// What it is.
    pub(crate) what: &'static str,
    /// What is wrong with a second one.
    pub(crate) second: &'static str,
}

/// All that an attribute or macro knows.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) first: Option<First>,
    pub(crate) known: &'static [Known],
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
    /// Reads a list.
    pub(crate) fn parse(tokens: TokenStream, table: &'static Table, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        let read = |input: ParseStream<'_>| {
            options.read(input, table, errors);
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        options
    }

    fn read(&mut self, input: ParseStream<'_>, table: &'static Table, errors: &mut Errors) {
        let mut at_head = true;
        while !input.is_empty() {
            let entry = self.entry(input, table, at_head, errors);
            at_head = false;
            if let Err(error) = entry {
                errors.push(error);
                skip_to_comma(input);
            } else if !ends(input) {
                errors.push(input.error("expected `,` between two options"));
                skip_to_comma(input);
            }
            let _ = input.parse::<Option<Token![,]>>();
        }
    }

    fn entry(
        &mut self,
        input: ParseStream<'_>,
        table: &'static Table,
        at_head: bool,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if !is_key(input, table, at_head) {
            let value: Expr = input.parse()?;
            match &table.first {
                Some(_) if at_head => self.first = Some(value),
                Some(first) => errors.on(value, first.second),
                None => errors.on(value, format_args!("this has no key: {}", one_of(table))),
            }
            return Ok(());
        }
        let key = Ident::parse_any(input)?;
        let name = key.unraw().to_string();
        let Some(known) = table.known.iter().find(|known| known.key == name) else {
            return self.unknown(&key, input, table, errors);
        };
        let (span, form) = (key.span(), known.form);
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            (!ends(input)).then(|| input.parse::<Expr>()).transpose()?
        } else if ends(input) {
            None
        } else if known.takes == Takes::Nothing {
            let text = format!("`{name}` takes no value: write `{form}`");
            return Err(syn::Error::new(input.span(), text));
        } else {
            let text = format!("a value follows `=`: write `{form}`");
            return Err(syn::Error::new(input.span(), text));
        };
        if !known.repeatable && self.given.iter().any(|given| given.key == known.key) {
            errors.at(span, format_args!("`{name}` is given twice: keep one"));
        } else if let Err((span, problem)) = known.takes.check(value.as_ref(), span) {
            errors.at(span, format_args!("`{name}` {problem}: write `{form}`"));
        } else {
            self.given.push(Given {
                key: known.key,
                span,
                value,
            });
        }
        Ok(())
    }

    /// A key that the table does not have.
    fn unknown(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        table: &'static Table,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if let (Some(first), true) = (&table.first, key == "name" && input.peek(Token![=])) {
            input.parse::<Token![=]>()?;
            let value: Expr = input.parse()?;
            let shown = value.to_token_stream();
            let text = format!("{} stands without a key: write `{shown}`", first.what);
            errors.at(key.span(), text);
            // As good as given: that it is missing need not be said.
            self.first = Some(value);
            return Ok(());
        }
        skip_to_comma(input);
        errors.at(key.span(), unknown(&key.unraw().to_string(), table));
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
fn unknown(name: &str, table: &'static Table) -> String {
    let expected = one_of(table);
    match near(name, table) {
        Some(near) => format!("unknown option `{name}`, {expected}; did you mean `{near}`?"),
        None => format!("unknown option `{name}`, {expected}"),
    }
}

fn near(name: &str, table: &'static Table) -> Option<&'static str> {
    nearest(name, table.known.iter().map(|known| known.key))
}

fn one_of(table: &'static Table) -> String {
    let forms = table.known.iter().map(|known| format!("`{}`", known.form));
    let forms: Vec<_> = forms.collect();
    match forms.as_slice() {
        [only] => format!("expected {only}"),
        forms => format!("expected one of {}", forms.join(", ")),
    }
}

/// Whether an option begins here, rather than a value that stands alone. At the head of a list that
/// may begin with such a value, a word is an option only if it looks like one: a name without its
/// quotes is a slip, too.
fn is_key(input: ParseStream<'_>, table: &'static Table, at_head: bool) -> bool {
    let ahead = input.fork();
    let Ok(key) = Ident::parse_any(&ahead) else {
        return false;
    };
    if ahead.peek(Token![::]) {
        return false;
    }
    let word = key.unraw().to_string();
    let slip = ends(&ahead) && near(&word, table).is_some();
    let known = table.known.iter().any(|known| known.key == word);
    ahead.peek(Token![=]) || known || slip || table.first.is_none() || !at_head
}

fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !ends(input) {
        let _ = input.parse::<TokenTree>();
    }
}
