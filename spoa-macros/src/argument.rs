//! A parameter of a handler, or a field of a struct of arguments: where its value comes from.
//!
//! It must not know whether a type suits: the traits decide that.

use crate::errors::Errors;
use crate::names;
use crate::options::{First, Known, Options, Table, Takes, text};
use crate::sample::Sample;
use crate::syntax::{find_static, has_type_arguments, is_named, last_name, peel};
use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Meta, Pat, Type};

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

/// By which of the two traits a parameter is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whichever its type has.
    Either,
    Value,
    Message,
}

/// What takes the place of an argument that is absent or NULL.
pub(crate) enum Fallback {
    /// `Default::default()`, asked for here.
    Default(Span),
    Expression(Box<Expr>),
}

/// A parameter or field.
pub(crate) struct Argument {
    pub(crate) source: Source,
    /// What says where the value comes from: the smallest thing to blame.
    pub(crate) source_span: Span,
    pub(crate) kind: Kind,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) sample: Option<Sample>,
    /// Whether a client may have the message rejected by it.
    pub(crate) reject: bool,
    pub(crate) ty: Type,
}

/// What `#[arg(…)]` says.
#[derive(Default)]
struct ArgAttribute {
    present: bool,
    /// It has its errors already.
    wrong: bool,
    source: Option<(Source, Span)>,
    fallback: Option<Fallback>,
    sample: Option<Sample>,
    reject: bool,
}

impl Argument {
    /// From a parameter of a function.
    pub(crate) fn parameter(
        attrs: &mut Vec<Attribute>,
        pat: &Pat,
        ty: &Type,
        errors: &mut Errors,
    ) -> Self {
        let attribute = ArgAttribute::take(attrs, errors);
        Self::new(attribute, bound(pat), pat.span(), ty, "parameter", errors)
    }

    /// From a field of a struct.
    pub(crate) fn field(
        attrs: &[Attribute],
        ident: Option<&Ident>,
        ty: &Type,
        errors: &mut Errors,
    ) -> Self {
        let attribute = ArgAttribute::take(&mut attrs.to_vec(), errors);
        let span = ident.map_or_else(|| ty.span(), Ident::span);
        let bound = ident.map_or(Bound::Nothing, Bound::Name);
        Self::new(attribute, bound, span, ty, "field", errors)
    }

    fn new(
        attribute: ArgAttribute,
        bound: Bound<'_>,
        span: Span,
        ty: &Type,
        what: &str,
        errors: &mut Errors,
    ) -> Self {
        let (source, source_span, kind) = match (attribute.source, bound) {
            (Some((source, span)), _) => (source, span, Kind::Value),
            (None, _) if !attribute.present && is_state(ty) => {
                (Source::Message, span, Kind::Message)
            }
            (None, Bound::Name(ident)) => {
                let name = name_of(ident);
                let kind = if attribute.present || is_parse(ty) {
                    Kind::Value
                } else {
                    Kind::Either
                };
                (Source::Named(name), ident.span(), kind)
            }
            (None, Bound::Parts) if !attribute.present => (Source::Message, span, Kind::Message),
            (None, Bound::Nothing) if !attribute.present && is_of_message(ty) => {
                (Source::Message, span, Kind::Message)
            }
            (None, Bound::Parts | Bound::Nothing) if attribute.wrong => {
                (Source::Message, span, Kind::Either)
            }
            (None, Bound::Parts | Bound::Nothing) => {
                errors.at(
                    span,
                    format_args!(
                        "this {what} does not say which argument it takes: name the {what} like \
                         the argument, or write `#[arg(\"name\")]`, or `#[arg(index = 0)]` to take \
                         an unnamed one by its place"
                    ),
                );
                (Source::Message, span, Kind::Either)
            }
        };
        check_type(ty, errors);
        Argument {
            source,
            source_span,
            kind,
            fallback: attribute.fallback,
            sample: attribute.sample,
            reject: attribute.reject,
            ty: ty.clone(),
        }
    }
}

/// The argument of a parameter. A `_` at its head says that the handler does not use it: HAProxy's side
/// knows nothing of that.
fn name_of(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.trim_start_matches('_') {
        "" => name,
        argument => argument.to_owned(),
    }
}

/// What a pattern binds.
enum Bound<'p> {
    /// `ip`, or `State(db)`: one name.
    Name(&'p Ident),
    /// Several, as `Login { user, .. }`.
    Parts,
    /// `_`.
    Nothing,
}

fn bound(pat: &Pat) -> Bound<'_> {
    match pat {
        Pat::Ident(ident) => Bound::Name(&ident.ident),
        Pat::Wild(_) => Bound::Nothing,
        Pat::Paren(paren) => bound(&paren.pat),
        Pat::Type(typed) => bound(&typed.pat),
        Pat::TupleStruct(parts) => match (parts.elems.first(), parts.elems.len()) {
            (Some(only), 1) => bound(only),
            _ => Bound::Parts,
        },
        _ => Bound::Parts,
    }
}

/// Whether a type is by its name one that comes from the message as a whole, so that it needs no
/// name of an argument. Where there is a name the traits decide.
fn is_of_message(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| {
        ["Message", "Args", "Context", "State"]
            .iter()
            .any(|known| name == known)
    })
}

/// `State<'_, T>`, which no argument can be: taken as such, a `T` that cannot be shared is reported
/// as what it is.
fn is_state(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "State") && has_type_arguments(ty)
}

/// `Parse<T>`, which only an argument becomes: taken as such, a `T` that is not parsed from text is
/// reported as what it is.
fn is_parse(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "Parse") && has_type_arguments(ty)
}

fn check_type(ty: &Type, errors: &mut Errors) {
    if let Some(span) = find_static(ty) {
        errors.at(
            span,
            "what a handler borrows lives as long as the message, not for `'static`: leave the \
             lifetime out, as in `&str`, or take what owns its data, as `String`",
        );
    }
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => errors.on(
            reference.mutability,
            "a handler cannot change a message: take `&str` or `&[u8]`, or what owns its data, as \
             `String`; shared data that changes goes in `State<'_, Mutex<…>>`",
        ),
        Type::ImplTrait(opaque) => errors.on(
            opaque.impl_token,
            "the type of a parameter says how the argument is converted, so it must be named: \
             write for instance `&str`",
        ),
        _ => {}
    }
}

impl ArgAttribute {
    /// Takes `#[arg(…)]` out of the attributes: the compiler knows no such attribute.
    fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
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

/// Two parameters that take the same argument: the second is a slip, as a rule.
pub(crate) fn check_distinct(arguments: &[Argument], what: &str, errors: &mut Errors) {
    for (i, argument) in arguments.iter().enumerate() {
        let taken = arguments
            .iter()
            .take(i)
            .any(|before| before.source == argument.source);
        match &argument.source {
            Source::Named(name) if taken => errors.at(
                argument.source_span,
                format_args!("argument `{name}` is taken by two {what}: take it once"),
            ),
            Source::At(index) if taken => errors.at(
                argument.source_span,
                format_args!("the argument at place {index} is taken by two {what}: take it once"),
            ),
            _ => {}
        }
    }
}
