//! The options that were given.

use super::key::{Key, Known, Table, Takes, Value};
use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token};

/// The options that were given and are well formed; those that are not are among the errors.
pub(crate) struct Options {
    table: &'static Table,
    /// The value that came first, without a key, where the attribute takes one.
    pub(crate) first: Option<Expr>,
    given: Vec<GivenOption>,
}

/// One option that was given.
struct GivenOption {
    name: &'static str,
    span: Span,
    value: Option<Expr>,
}

impl Options {
    /// Options of which none is given yet.
    pub(super) fn none(table: &'static Table) -> Self {
        Options {
            table,
            first: None,
            given: Vec::new(),
        }
    }

    /// Reads a list.
    pub(crate) fn parse(tokens: TokenStream, table: &'static Table, errors: &mut Errors) -> Self {
        let mut options = Options::none(table);
        options.add(tokens, errors);
        options
    }

    /// Adds the options of another list.
    pub(super) fn add(&mut self, tokens: TokenStream, errors: &mut Errors) {
        let read = |input: ParseStream<'_>| {
            self.read(input, errors);
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
    }

    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        let mut at_head = true;
        while !input.is_empty() {
            let entry = self.entry(input, at_head, errors);
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
        at_head: bool,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let table = self.table;
        if !is_key(input, table, at_head) {
            let value: Expr = input.parse()?;
            match &table.first {
                Some(_) if at_head && self.first.is_none() => self.first = Some(value),
                Some(first) => errors.on(value, first.second),
                None => errors.on(
                    value,
                    format_args!("an option needs a key: {}", table.expected()),
                ),
            }
            return Ok(());
        }
        let key = Ident::parse_any(input)?;
        let name = key.unraw().to_string();
        let Some(known) = table.find(&name) else {
            return self.unknown(&key, input, errors);
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
            let text = format!("`{name}` takes its value after `=`: write `{form}`");
            return Err(syn::Error::new(input.span(), text));
        };
        if !known.repeatable && self.given.iter().any(|given| given.name == known.name) {
            errors.at(span, format_args!("`{name}` is given twice: remove one"));
        } else if let Err((span, problem)) = known.takes.check(value.as_ref(), span) {
            errors.at(span, format_args!("`{name}` {problem}: write `{form}`"));
        } else {
            self.given.push(GivenOption {
                name: known.name,
                span,
                value,
            });
        }
        Ok(())
    }

    /// Reports a key that the table does not have.
    fn unknown(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if let (Some(first), true) = (&self.table.first, key == "name" && input.peek(Token![=])) {
            input.parse::<Token![=]>()?;
            let value: Expr = input.parse()?;
            let shown = value.to_token_stream();
            let text = format!("{} comes first, without a key: write `{shown}`", first.what);
            errors.at(key.span(), text);
            // Counts as given: that it is missing need not be said.
            self.first = Some(value);
            return Ok(());
        }
        skip_to_comma(input);
        errors.at(key.span(), self.table.unknown(&key.unraw().to_string()));
        Ok(())
    }

    fn all_given(&self, key: Known) -> impl Iterator<Item = &GivenOption> {
        let name = key.name;
        debug_assert!(
            self.table.find(name).is_some(),
            "`{name}` is looked up in a table that does not list it"
        );
        self.given.iter().filter(move |given| given.name == name)
    }

    /// Returns all options in their order: their keys, where these are, and their values.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&'static str, Span, Option<&Expr>)> {
        let given = self.given.iter();
        given.map(|given| (given.name, given.span, given.value.as_ref()))
    }

    /// Returns the value of an option.
    pub(crate) fn get<T: Value + 'static>(&self, key: &Key<T>) -> Option<&T> {
        self.all(key).next()
    }

    /// Returns the values of a repeatable option, in their order.
    pub(crate) fn all<T: Value + 'static>(&self, key: &Key<T>) -> impl Iterator<Item = &T> {
        self.all_given(key.known())
            .filter_map(|given| given.value.as_ref().and_then(T::of))
    }

    /// Returns where the key of an option is, if the option is given.
    pub(crate) fn span<T>(&self, key: &Key<T>) -> Option<Span> {
        self.all_given(key.known()).next().map(|given| given.span)
    }

    /// Whether any option of that key is given.
    pub(crate) fn is_given(&self, known: &Known) -> bool {
        self.given.iter().any(|given| given.name == known.name)
    }

    /// Returns the keys that belong to other macros, and where they are.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let is_other = |given: &&GivenOption| {
            let mut others = self.table.others.iter();
            others.any(|other| other.name == given.name)
        };
        self.given
            .iter()
            .filter(is_other)
            .map(|given| (given.name, given.span))
    }
}

/// Whether an option begins here, rather than a value without a key. At the head of a list that may
/// begin with such a value, a word is an option only if it looks like one: a name without its quotes
/// is a slip, too.
fn is_key(input: ParseStream<'_>, table: &'static Table, at_head: bool) -> bool {
    let ahead = input.fork();
    let Ok(key) = Ident::parse_any(&ahead) else {
        return false;
    };
    if ahead.peek(Token![::]) {
        return false;
    }
    let word = key.unraw().to_string();
    let slip = ends(&ahead) && table.nearest(&word).is_some();
    ahead.peek(Token![=])
        || table.find(&word).is_some()
        || slip
        || table.first.is_none()
        || !at_head
}

fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !ends(input) {
        let _ = input.parse::<TokenTree>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{LitStr, Path};

    const SET: Key<LitStr> = Key::text("set", "set = \"sess.name\"");
    const CRATE: Key<Path> = Key::path("crate", "crate = path");
    const TABLE: Table = Table {
        first: None,
        known: &[SET.known(), CRATE.known()],
        others: &[],
    };

    fn parse(list: &str) -> (Options, usize) {
        let mut errors = Errors::default();
        let options = Options::parse(list.parse().unwrap(), &TABLE, &mut errors);
        let count = errors.count();
        let _ = errors.check();
        (options, count)
    }

    #[test]
    fn an_option_is_looked_up_by_its_key() {
        let (options, errors) = parse("crate = a::b, set = \"x\"");
        assert_eq!(errors, 0);
        assert_eq!(options.get(&SET).map(LitStr::value).as_deref(), Some("x"));
        assert!(options.get(&CRATE).is_some() && options.span(&CRATE).is_some());
    }

    #[test]
    fn a_malformed_option_is_an_error_and_not_given() {
        for list in [
            "set = 1",
            "set",
            "set(\"x\")",
            "sett = \"x\"",
            "\"x\"",
            "set: \"x\"",
        ] {
            let (options, errors) = parse(list);
            assert_eq!((errors, options.span(&SET).is_none()), (1, true), "{list}");
        }
    }

    #[test]
    #[should_panic(expected = "`reject` is looked up in a table that does not list it")]
    fn a_key_that_the_table_does_not_list_cannot_be_looked_up() {
        let (options, _) = parse("");
        options.span(&Key::flag("reject"));
    }
}
