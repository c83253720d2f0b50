//! The options of an argument: `#[arg(…)]` or `#[spoa(…)]`.
//!
//! This file records the options; `check` judges what must fit together.

use super::sample::Sample;
use crate::errors::Errors;
use crate::haproxy::names;
use crate::options::{self, First, Key, Known, Options, Table, text};
use crate::syntax::is_named;
use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, Expr, LitInt, LitStr};

pub(crate) const INDEX: Key<LitInt> = Key::whole("index", "index = 0");
pub(crate) const DEFAULT: Key<Expr> = Key::expression_or_nothing("default");
pub(crate) const SAMPLE: Key<LitStr> = Key::text("sample", "sample = \"src\"");
pub(crate) const SAMPLE_UNCHECKED: Key<LitStr> =
    Key::text("sample_unchecked", "sample_unchecked = \"lua.name\"");
pub(crate) const REJECT: Key<()> = Key::flag("reject");
pub(crate) const SECRET: Key<()> = Key::flag("secret");

/// The options of an argument.
pub(crate) const KNOWN: [Known; 6] = [
    INDEX.known(),
    DEFAULT.known(),
    SAMPLE.known(),
    SAMPLE_UNCHECKED.known(),
    REJECT.known(),
    SECRET.known(),
];

const PARAMETER: Table = Table {
    first: Some(First {
        what: "the name of the argument",
        form: "\"name\"",
        second: "a parameter takes one argument: remove this name",
    }),
    known: &KNOWN,
    others: &[],
};

/// Where the value of a parameter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the argument of that name.
    Named(String),
    /// From the argument at that position.
    At(usize),
    /// From the message as a whole.
    Message,
}

/// The value for an argument that is absent or NULL.
pub(crate) enum Fallback {
    /// `Default::default()`, asked for here.
    Default(Span),
    Expression(Box<Expr>),
}

/// The content of the attribute.
#[derive(Default)]
pub(crate) struct ArgAttribute {
    /// Whether the item has the attribute.
    pub(super) present: bool,
    /// Whether its errors are already reported.
    pub(super) wrong: bool,
    pub(super) source: Option<(Source, Span)>,
    pub(super) fallback: Option<Fallback>,
    pub(super) sample: Option<Sample>,
    pub(super) reject: bool,
    pub(super) secret: bool,
    pub(super) spelling: Spelling,
}

/// How the attribute is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `#[spoa(…)]`.
    #[default]
    Spoa,
    /// `#[arg(…)]`, which only a parameter of a handler can have: `#[spoe_message]` removes it before
    /// anything else can read it. A field keeps its attributes, and there `#[arg(…)]` is clap's.
    Arg,
}

impl Spelling {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Spelling::Spoa => "spoa",
            Spelling::Arg => "arg",
        }
    }
}

impl ArgAttribute {
    /// Reads the attributes of a parameter, and removes them: the compiler does not know them.
    pub(super) fn of_parameter(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
            errors.on(
                attr,
                "a parameter of a handler cannot be conditional: write the `#[cfg]` above the \
                 function, and a second function for the other case",
            );
        }
        let is_ours = |attr: &Attribute| is_named(attr, "arg") || is_named(attr, "spoa");
        let before = errors.count();
        let ours = || attrs.iter().filter(|attr| is_ours(attr));
        let options = options::of_attributes(ours(), &PARAMETER, errors);
        let spelling = match ours().next() {
            Some(attr) if is_named(attr, "spoa") => Spelling::Spoa,
            _ => Spelling::Arg,
        };
        let mut found = ArgAttribute::of_options(&options, before, errors);
        found.present = ours().next().is_some();
        found.spelling = spelling;
        attrs.retain(|attr| !is_ours(attr));
        found
    }

    /// Reads the options of a parameter or field; `before` is the number of errors before them.
    pub(crate) fn of_options(options: &Options, before: usize, errors: &mut Errors) -> Self {
        let named = options.first.as_ref().and_then(|first| name(first, errors));
        let placed = options.get(&INDEX).and_then(|index| place(index, errors));
        if let (Some(_), Some(span)) = (&named, options.span(&INDEX)) {
            errors.at(
                span,
                "an argument is taken by its name or by its position: remove one of them",
            );
        }
        let sample = sample(options, errors);
        let fallback = options
            .span(&DEFAULT)
            .map(|span| match options.get(&DEFAULT) {
                Some(expression) => Fallback::Expression(Box::new(expression.clone())),
                None => Fallback::Default(span),
            });
        let own = KNOWN.iter().any(|known| options.is_given(known));
        ArgAttribute {
            present: options.first.is_some() || own,
            wrong: errors.count() > before,
            source: named.or(placed),
            fallback,
            sample,
            reject: options.span(&REJECT).is_some(),
            secret: options.span(&SECRET).is_some(),
            spelling: Spelling::Spoa,
        }
    }
}

fn name(first: &Expr, errors: &mut Errors) -> Option<(Source, Span)> {
    let Some(literal) = text(first) else {
        let shown = first.to_token_stream().to_string().replace(' ', "");
        let shown = shown.trim_matches('"');
        errors.on(
            first,
            format_args!("the name of an argument must be a string literal: write `\"{shown}\"`"),
        );
        return None;
    };
    if let Err(problem) = names::argument(&literal.value()) {
        errors.at(literal.span(), problem);
        return None;
    }
    Some((Source::Named(literal.value()), literal.span()))
}

/// A message has 255 arguments at most: SPOE.txt 3.2.6 counts them in one byte.
fn place(index: &LitInt, errors: &mut Errors) -> Option<(Source, Span)> {
    match index.base10_parse::<u8>() {
        Ok(place) if place < 255 => Some((Source::At(usize::from(place)), index.span())),
        _ => {
            errors.at(
                index.span(),
                "a message has at most 255 arguments: write a position from 0 to 254",
            );
            None
        }
    }
}

fn sample(options: &Options, errors: &mut Errors) -> Option<Sample> {
    let (checked, unchecked) = (options.get(&SAMPLE), options.get(&SAMPLE_UNCHECKED));
    if let (Some(_), Some(span)) = (checked, options.span(&SAMPLE_UNCHECKED)) {
        errors.at(
            span,
            "an argument has one sample: keep `sample`, or `sample_unchecked` for one that HAProxy \
             does not define itself",
        );
    }
    match (checked, unchecked) {
        (Some(literal), _) => Some(Sample::checked(literal, errors)),
        (None, Some(literal)) => Some(Sample::unchecked(literal, errors)),
        (None, None) => None,
    }
}
