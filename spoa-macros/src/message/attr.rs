//! The options of `#[spoe_message(…)]` and `#[spoe_fallback(…)]`.
//!
//! It records; what must fit together is judged in `check`.

use super::body_variables::{self, Scan};
use crate::duration::micros;
use crate::errors::Errors;
use crate::haproxy::variables::{self, Variable};
use crate::haproxy::{names, spoe_conf};
use crate::options::{First, Key, Options, Table, text, ungroup};
use crate::syntax::kebab;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Expr, Lit, LitStr, Path};

const SET: Key<LitStr> = Key::text("set", "set = \"sess.name\"");
const TIMEOUT: Key<LitStr> = Key::text("timeout", "timeout = \"20ms\"");
const BLOCKING: Key<()> = Key::flag("blocking");
const EVENT: Key<LitStr> = Key::text("event", "event = \"on-frontend-http-request\"");
const CONDITION: Key<LitStr> = Key::text("condition", "condition = \"if { path_beg /api }\"");
const GROUP: Key<LitStr> = Key::text("group", "group = \"name\"");
const ON_FAILURE: Key<Expr> = Key::expression("on_failure", "on_failure = f");
const CRATE: Key<Path> = Key::path("crate", "crate = path");

const TABLE: Table = Table {
    first: Some(First {
        what: "the name of the message",
        form: "\"name\"",
        second: "a function handles one message: write a second function for this one",
    }),
    known: &[
        SET.known(),
        TIMEOUT.known(),
        BLOCKING.known(),
        EVENT.known(),
        CONDITION.known(),
        GROUP.known(),
        ON_FAILURE.known(),
        CRATE.known(),
    ],
    others: &[],
};

/// Which of the two attributes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    Message,
    Fallback,
}

impl AttributeKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            AttributeKind::Message => "spoe_message",
            AttributeKind::Fallback => "spoe_fallback",
        }
    }
}

/// The content of the attribute.
pub(crate) struct Attribute {
    pub(crate) kind: AttributeKind,
    /// The message; `None` for the fallback.
    pub(crate) message: Option<String>,
    /// The variable that the value returned is written to.
    pub(crate) set: Option<(Variable, Span)>,
    /// Microseconds.
    pub(crate) timeout: Option<(u64, Span)>,
    pub(crate) blocking: Option<Span>,
    /// When HAProxy sends the message.
    pub(crate) event: Option<(String, Span)>,
    /// The condition for sending it.
    pub(crate) condition: Option<(String, Span)>,
    /// The group it is sent with.
    pub(crate) group: Option<(String, Span)>,
    /// The function that gives the actions if the handler fails, and the variables that its text names.
    pub(crate) on_failure: Option<(Expr, Scan)>,
    /// The path of the crate `spoa`.
    pub(crate) krate: Option<Path>,
}

impl Attribute {
    pub(crate) fn parse(
        kind: AttributeKind,
        tokens: TokenStream,
        function: &Ident,
        errors: &mut Errors,
    ) -> Self {
        let options = Options::parse(tokens, &TABLE, errors);
        let message = match kind {
            AttributeKind::Message => message(options.first.as_ref(), function, errors),
            AttributeKind::Fallback => {
                if let Some(first) = &options.first {
                    errors.on(
                        first,
                        "the fallback answers the messages that have no other handler, so it has no \
                         name: remove the name, or write `#[spoe_message(…)]`",
                    );
                }
                None
            }
        };
        let set = options
            .get(&SET)
            .and_then(|text| match variables::scoped(&text.value()) {
                Ok(variable) => Some((variable, text.span())),
                Err(problem) => {
                    errors.at(text.span(), problem);
                    None
                }
            });
        let timeout = options
            .get(&TIMEOUT)
            .and_then(|text| match micros(&text.value()) {
                Ok(micros) => Some((micros, options.span(&TIMEOUT)?)),
                Err(problem) => {
                    errors.at(text.span(), problem);
                    None
                }
            });
        // An option with a mistake counts as given, so that no second error says that it is missing.
        let mut judged = |key: &Key<LitStr>, judge: fn(&str) -> Result<(), String>| {
            let text = options.get(key)?;
            if let Err(problem) = judge(&text.value()) {
                errors.at(text.span(), problem);
            }
            Some((text.value(), options.span(key)?))
        };
        let event = judged(&EVENT, spoe_conf::event);
        let condition = judged(&CONDITION, spoe_conf::condition);
        let group = judged(&GROUP, spoe_conf::group);
        let on_failure = options.get(&ON_FAILURE).map(|function| {
            let mut scan = body_variables::scan(&function.to_token_stream());
            for (span, problem) in std::mem::take(&mut scan.problems) {
                errors.at(span, problem);
            }
            (function.clone(), scan)
        });
        Attribute {
            kind,
            message,
            set,
            timeout,
            blocking: options.span(&BLOCKING),
            event,
            condition,
            group,
            on_failure,
            krate: options.get(&CRATE).cloned(),
        }
    }
}

fn message(first: Option<&Expr>, function: &Ident, errors: &mut Errors) -> Option<String> {
    let meant = kebab(&function.unraw().to_string());
    let Some(first) = first else {
        errors.at(
            Span::call_site(),
            format_args!(
                "the name of the message is missing: write the name after `spoe-message` in spoe.conf, \
                 for instance `#[spoe_message(\"{meant}\")]`"
            ),
        );
        return None;
    };
    let Some(name) = text(first) else {
        if is_constant(first) {
            errors.on(
                first,
                format_args!(
                    "the macro cannot read the value of a constant: write the message name as a string \
                     literal, for instance `\"{meant}\"`"
                ),
            );
            return None;
        }
        if let Expr::Macro(_) = ungroup(first) {
            errors.on(
                first,
                "another macro in this place is not expanded: write the message name as a string \
                 literal",
            );
            return None;
        }
        let meant = match ungroup(first) {
            // `get-ip-reputation` without its quotes reads as a subtraction.
            Expr::Path(_) | Expr::Binary(_) => first.to_token_stream().to_string().replace(' ', ""),
            Expr::Lit(literal) => match &literal.lit {
                Lit::ByteStr(bytes) => String::from_utf8_lossy(&bytes.value()).into_owned(),
                Lit::Int(digits) => digits.to_string(),
                _ => meant,
            },
            _ => meant,
        };
        errors.on(
            first,
            format_args!("the message name must be a string literal: write `\"{meant}\"`"),
        );
        return None;
    };
    if let Err(problem) = names::message(&name.value()) {
        errors.at(name.span(), problem);
        return None;
    }
    Some(name.value())
}

/// Whether it is a path like `NAME` or `names::CHECK`, rather than a name without its quotes.
fn is_constant(first: &Expr) -> bool {
    match ungroup(first) {
        Expr::Path(path) => {
            let last = path.path.segments.last();
            let last = last.map(|last| last.ident.to_string()).unwrap_or_default();
            path.path.segments.len() > 1 || last.chars().all(|c| !c.is_lowercase())
        }
        _ => false,
    }
}
