//! The options in the attributes of a parameter, field, variant or type.

use super::key::Table;
use super::list::Options;
use crate::errors::Errors;
use quote::ToTokens;
use syn::{Attribute, Meta};

/// Reads the options of several attributes as one list.
pub(crate) fn of_attributes<'a>(
    attrs: impl IntoIterator<Item = &'a Attribute>,
    table: &'static Table,
    errors: &mut Errors,
) -> Options {
    let mut options = Options::none(table);
    for attr in attrs {
        match &attr.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                options.add(list.tokens.clone(), errors);
            }
            _ => errors.on(attr, nothing_said(attr, table)),
        }
    }
    options
}

/// Says what to write in an attribute without options.
fn nothing_said(attr: &Attribute, table: &'static Table) -> String {
    let name = attr.path().to_token_stream().to_string().replace(' ', "");
    let first = table.first.as_ref().map(|first| first.form);
    let forms = first
        .into_iter()
        .chain(table.known.iter().map(|known| known.form));
    let forms: Vec<_> = forms.map(|form| format!("`#[{name}({form})]`")).collect();
    match forms.as_slice() {
        [only] => format!("`#[{name}]` needs an option: write {only}"),
        forms => format!(
            "`#[{name}]` needs an option: write one of {}",
            forms.join(", ")
        ),
    }
}
