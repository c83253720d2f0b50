//! The keys that an attribute or macro knows. An option is looked up by its [`Key`], so that a misspelt
//! look-up, or one of the wrong type, does not compile.

use proc_macro2::Span;
use spoa_facts::nearest;
use std::marker::PhantomData;
use syn::spanned::Spanned;
use syn::{Expr, LitInt, LitStr, Path};

/// A key whose value is a `T`: `()` for an option that takes no value.
pub(crate) struct Key<T> {
    known: Known,
    value: PhantomData<fn() -> T>,
}

/// The part of a key that tables and errors need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Shows in errors how the option is written.
    pub(crate) form: &'static str,
    pub(super) takes: Takes,
    pub(super) repeatable: bool,
}

/// The kind of value that follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Text,
    Whole,
    Path,
    Expression,
    ExpressionOrNothing,
}

/// The value without a key that may come first in a list.
#[derive(Debug)]
pub(crate) struct First {
    /// A noun for the value, as the subject of a sentence.
    pub(crate) what: &'static str,
    /// Shows in errors how the value is written.
    pub(crate) form: &'static str,
    /// The error for a second one.
    pub(crate) second: &'static str,
}

/// All that an attribute or macro knows.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) first: Option<First>,
    pub(crate) known: &'static [Known],
    /// The keys of other macros that read the same attribute: accepted, but not recommended.
    pub(crate) others: &'static [Known],
}

/// The type of a key's value.
pub(crate) trait Value {
    /// Reads a value that has passed the check of its key.
    fn of(value: &Expr) -> Option<&Self>;
}

impl<T> Key<T> {
    const fn new(name: &'static str, takes: Takes, form: &'static str) -> Self {
        Key {
            known: Known {
                name,
                form,
                takes,
                repeatable: false,
            },
            value: PhantomData,
        }
    }

    /// Allows the option to be given more than once.
    pub(crate) const fn repeatable(mut self) -> Self {
        self.known.repeatable = true;
        self
    }

    /// Returns the key as a table lists it.
    pub(crate) const fn known(&self) -> Known {
        self.known
    }
}

impl Key<()> {
    pub(crate) const fn flag(name: &'static str) -> Self {
        Key::new(name, Takes::Nothing, name)
    }
}

impl Key<LitStr> {
    pub(crate) const fn text(name: &'static str, form: &'static str) -> Self {
        Key::new(name, Takes::Text, form)
    }
}

impl Key<LitInt> {
    pub(crate) const fn whole(name: &'static str, form: &'static str) -> Self {
        Key::new(name, Takes::Whole, form)
    }
}

impl Key<Path> {
    pub(crate) const fn path(name: &'static str, form: &'static str) -> Self {
        Key::new(name, Takes::Path, form)
    }
}

impl Key<Expr> {
    pub(crate) const fn expression(name: &'static str, form: &'static str) -> Self {
        Key::new(name, Takes::Expression, form)
    }

    /// A key that may also come without a value.
    pub(crate) const fn expression_or_nothing(name: &'static str) -> Self {
        Key::new(name, Takes::ExpressionOrNothing, name)
    }
}

impl Value for LitStr {
    fn of(value: &Expr) -> Option<&Self> {
        super::text(value)
    }
}

impl Value for LitInt {
    fn of(value: &Expr) -> Option<&Self> {
        super::whole(value)
    }
}

impl Value for Path {
    fn of(value: &Expr) -> Option<&Self> {
        super::path(value)
    }
}

impl Value for Expr {
    fn of(value: &Expr) -> Option<&Self> {
        Some(value)
    }
}

impl Table {
    pub(super) fn find(&self, name: &str) -> Option<&'static Known> {
        let mut all = self.known.iter().chain(self.others);
        all.find(|known| known.name == name)
    }

    /// Finds the known key closest to a misspelt one.
    pub(super) fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.known.iter().map(|known| known.name))
    }

    /// Lists how the options are written: `expected one of …`.
    pub(super) fn expected(&self) -> String {
        let known = self.known.iter().map(|known| known.form);
        let first = self.first.as_ref().filter(|_| self.known.is_empty());
        let forms = known.chain(first.map(|first| first.form));
        let forms: Vec<_> = forms.map(|form| format!("`{form}`")).collect();
        match forms.as_slice() {
            [only] => format!("expected {only}"),
            forms => format!("expected one of {}", forms.join(", ")),
        }
    }

    /// Says that a key is not in the table, and which one was probably meant.
    pub(super) fn unknown(&self, name: &str) -> String {
        let expected = self.expected();
        match self.nearest(name) {
            Some(near) => format!("unknown option `{name}`, {expected}; did you mean `{near}`?"),
            None => format!("unknown option `{name}`, {expected}"),
        }
    }
}

impl Takes {
    /// Checks a value; an error says what is wrong, and where.
    pub(super) fn check(self, value: Option<&Expr>, key: Span) -> Result<(), (Span, &'static str)> {
        let Some(value) = value else {
            return match self {
                Takes::Nothing | Takes::ExpressionOrNothing => Ok(()),
                _ => Err((key, "needs a value")),
            };
        };
        let problem = match self {
            Takes::Nothing => "takes no value",
            Takes::Text if super::text(value).is_none() => "takes a string literal",
            Takes::Whole if super::whole(value).is_none() => "takes a whole number",
            Takes::Path if super::path(value).is_none() => "takes a path",
            _ => return Ok(()),
        };
        Err((value.span(), problem))
    }
}
