//! The syntax of a type: its name, its arguments, its references.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::{GenericArgument, Lifetime, Path, PathArguments, Type, TypePath};

/// Removes parentheses, and the invisible delimiters that a fragment of `macro_rules!` comes in.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        match ty {
            Type::Group(group) => ty = &group.elem,
            Type::Paren(paren) => ty = &paren.elem,
            ty => return ty,
        }
    }
}

/// Returns the last name of a path: `State` of `spoa::handler::State<'_, Db>`.
pub(crate) fn last_name(ty: &Type) -> Option<&Ident> {
    match peel(ty) {
        Type::Path(TypePath {
            qself: None, path, ..
        }) => path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Returns the generic arguments of a path: `A` and `E` of `Result<A, E>`.
fn arguments(path: &Path) -> impl Iterator<Item = &GenericArgument> {
    path.segments
        .iter()
        .filter_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(angle) => Some(angle.args.iter()),
            _ => None,
        })
        .flatten()
}

/// Whether a type has type arguments, as `Option<u8>` has.
pub(crate) fn has_type_arguments(ty: &Type) -> bool {
    let is_type = |argument: &GenericArgument| matches!(argument, GenericArgument::Type(_));
    matches!(peel(ty), Type::Path(TypePath { path, .. }) if arguments(path).any(is_type))
}

/// Returns the first type argument: `u8` of `Option<u8>`.
pub(crate) fn inner(ty: &Type) -> Option<&Type> {
    let Type::Path(TypePath { path, .. }) = peel(ty) else {
        return None;
    };
    arguments(path).find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// Returns the type in an `Option`, which is recognised by its name.
pub(crate) fn option(ty: &Type) -> Option<&Type> {
    last_name(ty).filter(|name| *name == "Option")?;
    inner(ty)
}

/// Finds where a type asks for data that lives for `'static`. Shared data lives as long as the agent, so
/// of `State<'_, T>` only the lifetime counts.
pub(crate) fn find_static(ty: &Type) -> Option<Span> {
    let is_static = |lifetime: &Lifetime| lifetime.ident == "static";
    match peel(ty) {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if is_static(lifetime) => Some(lifetime.span()),
            _ => find_static(&reference.elem),
        },
        Type::Path(TypePath { path, .. }) => {
            let shared = last_name(ty).is_some_and(|name| name == "State");
            arguments(path).find_map(|argument| match argument {
                GenericArgument::Lifetime(lifetime) if is_static(lifetime) => Some(lifetime.span()),
                GenericArgument::Type(inner) if !shared => find_static(inner),
                _ => None,
            })
        }
        Type::Tuple(tuple) => tuple.elems.iter().find_map(find_static),
        Type::Slice(slice) => find_static(&slice.elem),
        Type::Array(array) => find_static(&array.elem),
        _ => None,
    }
}

/// Finds a `Self`.
pub(crate) fn find_self(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "Self" => Some(ident.span()),
        TokenTree::Group(group) => find_self(group.stream()),
        _ => None,
    })
}

/// Whether a type contains `impl Trait`: such a type cannot be named again.
pub(crate) fn is_opaque(ty: &Type) -> bool {
    match peel(ty) {
        Type::ImplTrait(_) => true,
        Type::Reference(reference) => is_opaque(&reference.elem),
        Type::Path(TypePath { path, .. }) => arguments(path).any(|argument| match argument {
            GenericArgument::Type(inner) => is_opaque(inner),
            _ => false,
        }),
        Type::Tuple(tuple) => tuple.elems.iter().any(is_opaque),
        Type::Array(array) => is_opaque(&array.elem),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Type {
        syn::parse_str(text).expect(text)
    }

    #[test]
    fn static_data_is_found_except_in_shared_state() {
        for text in [
            "&'static str",
            "Option<Cow<'static, str>>",
            "State<'static, Db>",
        ] {
            assert!(find_static(&parse(text)).is_some(), "{text}");
        }
        for text in ["&'a str", "State<'_, &'static str>", "u8"] {
            assert!(find_static(&parse(text)).is_none(), "{text}");
        }
    }
}
