//! The agent that a program describes.

use crate::errors::Errors;
use crate::options::{Key, Options, Table, ungroup};
use crate::program::paths;
use proc_macro2::{Ident, TokenStream};
use spoa_facts::parse_time;
use syn::{Expr, Lit, Path};

const OPTIONS: Key<Path> = Key::path("options", "options = Options");
const NAME: Key<Expr> = Key::expression("name", "name = \"iprep\"");
const LISTEN: Key<Expr> = Key::expression("listen", "listen = \"127.0.0.1:12345\"").repeatable();
const STATE: Key<Expr> = Key::expression("state", "state = Db::open(path)?").repeatable();
const RELOAD: Key<Expr> = Key::expression("reload", "reload = Rules::load(path)?").repeatable();
const EVERY: Key<Expr> = Key::expression("every", "every = \"10s\"").repeatable();
const WATCH: Key<Expr> = Key::expression("watch", "watch = path").repeatable();
const SERVE: Key<Expr> = Key::expression("serve", "serve = exporter(address)").repeatable();
const HANDLERS: Key<Expr> = Key::expression("handlers", "handlers = [a, m::b]");
const ON_FAILURE: Key<Expr> = Key::expression("on_failure", "on_failure = f");
const OBSERVER: Key<Expr> = Key::expression("observer", "observer = Audit::new()");

const TABLE: Table = Table {
    first: None,
    known: &[
        NAME.known(),
        LISTEN.known(),
        OPTIONS.known(),
        STATE.known(),
        RELOAD.known(),
        EVERY.known(),
        WATCH.known(),
        SERVE.known(),
        HANDLERS.known(),
        ON_FAILURE.known(),
        OBSERVER.known(),
    ],
    others: &[],
};

pub(super) struct Program {
    /// The type of the program's own options, and the name of their value: the key itself.
    pub(super) options: Option<(Path, Ident)>,
    pub(super) name: Option<Expr>,
    pub(super) listen: Vec<Expr>,
    pub(super) states: Vec<Expr>,
    pub(super) reloads: Vec<Reload>,
    /// The services, each an expression or a closure.
    pub(super) services: Vec<Expr>,
    /// The handlers to serve; an empty list means all that are registered.
    pub(super) handlers: Vec<Path>,
    pub(super) on_failure: Option<Expr>,
    pub(super) observer: Option<Expr>,
}

/// A value that is reloaded, and when it is made again by itself.
pub(super) struct Reload {
    pub(super) value: Expr,
    pub(super) every: Option<Every>,
    pub(super) watch: Vec<Expr>,
}

/// A period.
pub(super) enum Every {
    /// A literal such as `"10s"`.
    Micros(u64),
    Expression(Expr),
}

impl Program {
    pub(super) fn parse(list: TokenStream, errors: &mut Errors) -> Self {
        let options = Options::parse(list, &TABLE, errors);
        let handlers = options.get(&HANDLERS);
        let own = options.get(&OPTIONS).zip(options.span(&OPTIONS));
        Program {
            options: own.map(|(path, key)| (path.clone(), Ident::new("options", key))),
            name: options.get(&NAME).cloned(),
            listen: options.all(&LISTEN).cloned().collect(),
            states: options.all(&STATE).cloned().collect(),
            reloads: reloads(&options, errors),
            services: options.all(&SERVE).cloned().collect(),
            handlers: handlers.map_or_else(Vec::new, |list| listed(list, errors)),
            on_failure: options.get(&ON_FAILURE).cloned(),
            observer: options.get(&OBSERVER).cloned(),
        }
    }
}

/// Reads each `reload`, with the `every` and `watch` after it.
fn reloads(options: &Options, errors: &mut Errors) -> Vec<Reload> {
    let mut reloads: Vec<Reload> = Vec::new();
    let mut follows = false;
    for (key, span, value) in options.in_order() {
        let belongs = [EVERY.known().name, WATCH.known().name].contains(&key);
        match (value, reloads.last_mut().filter(|_| follows)) {
            (Some(value), _) if key == RELOAD.known().name => {
                follows = true;
                reloads.push(Reload {
                    value: value.clone(),
                    every: None,
                    watch: Vec::new(),
                });
            }
            (Some(value), Some(reload)) if key == WATCH.known().name => {
                reload.watch.push(value.clone());
            }
            (Some(value), Some(reload)) if belongs => {
                if reload.every.is_some() {
                    errors.at(span, "this `reload` has an `every` already: remove one");
                }
                reload.every = every(value, errors);
            }
            _ if belongs => errors.at(
                span,
                format_args!(
                    "`{key}` comes directly after the `reload` that it is for: write \
                     `reload = Rules::load(path)?, {}`",
                    if key == "every" {
                        "every = \"10s\""
                    } else {
                        "watch = path"
                    }
                ),
            ),
            _ => follows = false,
        }
    }
    reloads
}

/// Reads a period: a time as text, or an expression.
fn every(value: &Expr, errors: &mut Errors) -> Option<Every> {
    let Expr::Lit(literal) = ungroup(value) else {
        return Some(Every::Expression(value.clone()));
    };
    let text = match &literal.lit {
        Lit::Str(text) => text.value(),
        _ => {
            errors.on(
                value,
                "a time needs a unit: write it as text, such as `every = \"10s\"`",
            );
            return None;
        }
    };
    match parse_time(&text).ok().filter(|time| !time.is_zero()) {
        Some(time) => Some(Every::Micros(
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        )),
        None => {
            errors.on(
                value,
                format_args!(
                    "`{text}` is not a time to wait: write a number and a unit, `ms`, `s`, `m` or `h`, \
                     such as `\"10s\"`"
                ),
            );
            None
        }
    }
}

fn listed(list: &Expr, errors: &mut Errors) -> Vec<Path> {
    match ungroup(list) {
        // Without a list all handlers are served: an empty one would do the same by accident.
        Expr::Array(list) if list.elems.is_empty() => {
            errors.on(
                list,
                "this list has no handler: add one, or remove `handlers` to serve all",
            );
            Vec::new()
        }
        Expr::Array(list) => paths::paths(&list.elems, errors),
        other => {
            errors.on(
                other,
                "write the handlers in brackets: `handlers = [a, m::b]`",
            );
            Vec::new()
        }
    }
}
