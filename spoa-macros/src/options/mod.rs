//! Lists of options, `"name", key = value, flag`: the keys that an attribute knows, and what was given.

mod attribute;
mod key;
mod list;

pub(crate) use attribute::of_attributes;
pub(crate) use key::{First, Key, Known, Table};
pub(crate) use list::Options;

use syn::{Expr, ExprLit, ExprPath, Lit, LitInt, LitStr, Path};

/// Returns the text of a string literal.
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

/// Removes the invisible delimiters that a fragment of `macro_rules!` comes in.
pub(crate) fn ungroup(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}
