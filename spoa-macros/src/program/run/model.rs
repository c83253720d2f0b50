//! The agent that a program describes.

use crate::errors::Errors;
use crate::options::{Key, Options, Table, ungroup};
use crate::program::paths;
use proc_macro2::{Ident, TokenStream};
use syn::{Expr, Path};

const OPTIONS: Key<Path> = Key::path("options", "options = Options");
const NAME: Key<Expr> = Key::expression("name", "name = \"iprep\"");
const LISTEN: Key<Expr> = Key::expression("listen", "listen = \"127.0.0.1:12345\"").repeatable();
const STATE: Key<Expr> = Key::expression("state", "state = Db::open(path)?").repeatable();
const RELOAD: Key<Expr> = Key::expression("reload", "reload = Rules::load(path)?").repeatable();
const HANDLERS: Key<Expr> = Key::expression("handlers", "handlers = [a, m::b]");
const ON_FAILURE: Key<Expr> = Key::expression("on_failure", "on_failure = f");

const TABLE: Table = Table {
    first: None,
    known: &[
        NAME.known(),
        LISTEN.known(),
        OPTIONS.known(),
        STATE.known(),
        RELOAD.known(),
        HANDLERS.known(),
        ON_FAILURE.known(),
    ],
    others: &[],
};

pub(super) struct Program {
    /// The type of the program's own options, and the name of their value: the key itself.
    pub(super) options: Option<(Path, Ident)>,
    pub(super) name: Option<Expr>,
    pub(super) listen: Vec<Expr>,
    pub(super) states: Vec<Expr>,
    pub(super) reloads: Vec<Expr>,
    /// The handlers to serve; an empty list means all that are registered.
    pub(super) handlers: Vec<Path>,
    pub(super) on_failure: Option<Expr>,
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
            reloads: options.all(&RELOAD).cloned().collect(),
            handlers: handlers.map_or_else(Vec::new, |list| listed(list, errors)),
            on_failure: options.get(&ON_FAILURE).cloned(),
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
