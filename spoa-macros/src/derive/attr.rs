//! `#[spoa(…)]` on a type, a field or a variant.
//!
//! All derives read it, because a type may have several of them. It has the name of the crate, because
//! helper attributes have no namespace: `#[arg]` and `#[value]` are those of clap.

use crate::argument;
use crate::errors::Errors;
use crate::options::{self, First, Key, Options, Table};
use crate::syntax::is_named;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, LitStr, Meta, Path};

pub(super) const CRATE: Key<Path> = Key::path("crate", "crate = path");
pub(super) const SCOPE: Key<LitStr> = Key::text("scope", "scope = \"txn\"");
pub(super) const FLATTEN: Key<()> = Key::flag("flatten");

/// A type that is made from a message or an argument.
pub(super) const TYPE: Table = Table {
    first: None,
    known: &[CRATE.known()],
    others: &[SCOPE.known()],
};

/// A type that becomes actions.
pub(super) const ACTIONS: Table = Table {
    first: None,
    known: &[SCOPE.known(), CRATE.known()],
    others: &[],
};

const NAME: First = First {
    what: "the name",
    form: "\"name\"",
    second: "a field has one name: remove this one",
};

/// A field that an argument becomes.
pub(super) const ARGUMENT: Table = Table {
    first: Some(NAME),
    known: &argument::KNOWN,
    others: &[SCOPE.known(), FLATTEN.known()],
};

/// A field that becomes a variable.
pub(super) const VARIABLE: Table = Table {
    first: Some(NAME),
    known: &[SCOPE.known(), FLATTEN.known()],
    others: &argument::KNOWN,
};

/// A variant that a text becomes.
pub(super) const VARIANT: Table = Table {
    first: Some(First {
        what: "the text",
        form: "\"text\"",
        second: "a variant has one text: remove this one",
    }),
    known: &[],
    others: &[],
};

/// Reads the options of a type, field or variant.
pub(super) fn options(attrs: &[Attribute], table: &'static Table, errors: &mut Errors) -> Options {
    for attr in attrs {
        if let Some(options) = misnamed(attr) {
            errors.on(
                attr,
                format_args!(
                    "the options of this derive go into `#[spoa(…)]`: write `#[spoa({options})]`"
                ),
            );
        }
    }
    let ours = attrs.iter().filter(|attr| is_named(attr, "spoa"));
    options::of_attributes(ours, table, errors)
}

/// The options of an attribute of another name that can only be meant for these derives. The compiler
/// says that it does not know the attribute, but not what to write. Options that clap could read are left
/// alone.
fn misnamed(attr: &Attribute) -> Option<String> {
    let Meta::List(list) = &attr.meta else {
        return None;
    };
    let first = list.tokens.clone().into_iter().next()?;
    let has = |names: &[&str]| {
        let text = first.to_string();
        names.contains(&&*text)
    };
    let is_literal = matches!(first, TokenTree::Literal(_));
    let ours = (is_named(attr, "arg")
        && (is_literal || has(&["default", "sample", "sample_unchecked", "reject", "secret"])))
        || (is_named(attr, "value") && is_literal)
        || (is_named(attr, "vars") && has(&["scope", "crate"]))
        || (is_named(attr, "var") && (is_literal || has(&["scope", "name", "flatten"])));
    ours.then(|| without_the_key_of_a_name(list.tokens.clone()))
}

/// `name = "ip_score", scope = "sess"` as `"ip_score", scope = "sess"`.
fn without_the_key_of_a_name(tokens: TokenStream) -> String {
    let text = tokens.to_token_stream().to_string();
    text.strip_prefix("name = ").unwrap_or(&text).to_owned()
}
