//! What `#[arg(…)]` says.
//!
//! It records; what must fit together is judged in `check`.

use super::sample::Sample;
use crate::errors::Errors;
use crate::haproxy::names;
use crate::options::{First, Known, Options, Table, Takes, text};
use crate::syntax::is_named;
use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, Expr, Meta};

const TABLE: Table = Table {
    first: Some(First {
        what: "the name of the argument",
        second: "a parameter takes one argument: leave one name",
    }),
    known: &[
        Known::new("index", Takes::Whole, "index = 0"),
        Known::new("default", Takes::Perhaps, "default"),
        Known::new("sample", Takes::Text, "sample = \"src\""),
        Known::new(
            "sample_unchecked",
            Takes::Text,
            "sample_unchecked = \"lua.name\"",
        ),
        Known::new("reject", Takes::Nothing, "reject"),
    ],
};

/// Where the value of a parameter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the argument of that name.
    Named(String),
    /// From the argument at that place.
    At(usize),
    /// From the message as a whole.
    Message,
}

/// What takes the place of an argument that is absent or NULL.
pub(crate) enum Fallback {
    /// `Default::default()`, asked for here.
    Default(Span),
    Expression(Box<Expr>),
}

/// What `#[arg(…)]` says.
#[derive(Default)]
pub(super) struct ArgAttribute {
    pub(super) present: bool,
    /// It has its errors already.
    pub(super) wrong: bool,
    pub(super) source: Option<(Source, Span)>,
    pub(super) fallback: Option<Fallback>,
    pub(super) sample: Option<Sample>,
    pub(super) reject: bool,
}

impl ArgAttribute {
    /// Takes `#[arg(…)]` out of the attributes: the compiler knows no such attribute.
    pub(super) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut found = ArgAttribute::default();
        attrs.retain(|attr| {
            if attr.path().is_ident("cfg") {
                errors.on(
                    attr,
                    "a parameter of a handler cannot be conditional: write the `#[cfg]` above the \
                     function, and a second function for the other case",
                );
            }
            let is_arg = is_named(attr, "arg");
            if is_arg && found.present {
                errors.on(
                    attr,
                    "one `#[arg(…)]` is enough: put its options in the first one",
                );
            } else if is_arg {
                found.read(attr, errors);
            }
            !is_arg
        });
        found
    }

    fn read(&mut self, attr: &Attribute, errors: &mut Errors) {
        let before = errors.count();
        self.options(attr, errors);
        self.present = true;
        self.wrong = errors.count() > before;
    }

    fn options(&mut self, attr: &Attribute, errors: &mut Errors) {
        let Meta::List(list) = &attr.meta else {
            errors.on(
                attr,
                "write which argument is meant, `#[arg(\"name\")]` or `#[arg(index = 0)]`, or what \
                 takes its place when it is absent, `#[arg(default)]`",
            );
            return;
        };
        if list.tokens.is_empty() {
            errors.on(
                attr,
                "this says nothing: write `#[arg(\"name\")]`, `#[arg(index = 0)]` or \
                 `#[arg(default)]`, or leave it out",
            );
            return;
        }
        let options = Options::parse(list.tokens.clone(), &TABLE, errors);
        let named = options.first.as_ref().and_then(|first| name(first, errors));
        let placed = options.whole("index").and_then(|index| {
            // A message has 255 arguments at most: SPOE.txt 3.2.6 counts them in one byte.
            match index.base10_parse::<u8>() {
                Ok(place) if place < 255 => Some((Source::At(usize::from(place)), index.span())),
                _ => {
                    let text = "a message has 255 arguments at most: write a place from 0 to 254";
                    errors.at(index.span(), text);
                    None
                }
            }
        });
        if let (Some(_), Some(span)) = (&named, options.span("index")) {
            errors.at(
                span,
                "an argument is taken by its name or by its place: keep one of them",
            );
        }
        self.source = named.or(placed);
        self.sample = Sample::take(&options, errors);
        self.reject = options.span("reject").is_some();
        self.fallback = options
            .span("default")
            .map(|span| match options.expression("default") {
                Some(expression) => Fallback::Expression(Box::new(expression.clone())),
                None => Fallback::Default(span),
            });
    }
}

fn name(first: &Expr, errors: &mut Errors) -> Option<(Source, Span)> {
    let Some(literal) = text(first) else {
        let shown = first.to_token_stream().to_string().replace(' ', "");
        let shown = shown.trim_matches('"');
        errors.on(
            first,
            format_args!("the name of an argument stands in quotes: `\"{shown}\"`"),
        );
        return None;
    };
    if let Err(problem) = names::argument(&literal.value()) {
        errors.at(literal.span(), problem);
        return None;
    }
    Some((Source::Named(literal.value()), literal.span()))
}
