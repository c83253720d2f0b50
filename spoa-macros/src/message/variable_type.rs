//! The type of the one variable that a handler sets, as far as its return type tells.
//!
//! This is a heuristic on the names of types: of an alias it says nothing.

use super::attr::Attribute;
use super::model::Function;
use crate::syntax::{inner, last_name, shown, timeless};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::{ReturnType, Type};

/// Returns the type of the variable in `set = "…"`, or of the only one in the body, as it is written.
pub(super) fn of(attribute: &Attribute, function: &Function) -> Option<String> {
    let ReturnType::Type(_, ty) = &function.sig.output else {
        return None;
    };
    match (&attribute.set, function.scan.variables.len()) {
        (Some(_), 0) => Some(match generic(ty) {
            Some((name, inner)) if name == "Result" => written(inner),
            _ => written(ty),
        }),
        (None, 1) => set_by(ty),
        _ => None,
    }
}

/// Returns the `T` of `SetVar<T>` and `Option<SetVar<T>>`, and of either in a `Result`.
fn set_by(ty: &Type) -> Option<String> {
    let (name, inner) = generic(ty)?;
    match name.to_string().as_str() {
        "SetVar" => Some(written(inner)),
        "Option" => Some(format!("Option<{}>", set_by(inner)?)),
        "Result" => set_by(inner),
        _ => None,
    }
}

/// Returns the name of a type and its first type argument.
fn generic(ty: &Type) -> Option<(&Ident, &Type)> {
    Some((last_name(ty)?, inner(ty)?))
}

fn written(ty: &Type) -> String {
    shown(timeless(ty.to_token_stream()))
}
