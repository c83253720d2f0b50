//! The lines of the listing: one for each public item of the crate.

use crate::modules::{Modules, leaves, name_of, read, resolve};
use crate::tokens::{
    attributes, bounds_of, cfg, fields, hidden, is_public, is_test, shown, signature, tidy,
    without_docs,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::{ImplItem, Item, TraitItem};

/// Lists the API of a crate, one line for each item, sorted.
pub(crate) fn listing(lib: &Path) -> BTreeSet<String> {
    let mut modules = Modules::new();
    read(lib, &["spoa".to_owned()], true, &mut modules);
    let mut lines = BTreeSet::new();
    let mut paths = BTreeMap::new();
    // Deeper modules first: an item is listed where it belongs, and re-exported at the root.
    let mut public: Vec<_> = modules.iter().filter(|(_, module)| module.public).collect();
    public.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    for (path, module) in public {
        for item in &module.items {
            match item {
                Item::Use(import) if is_public(&import.vis) && !hidden(&import.attrs) => {
                    for (from, name) in leaves(&import.tree) {
                        reexport(
                            &modules,
                            path,
                            &from,
                            &name,
                            &cfg(&import.attrs),
                            &mut paths,
                            &mut lines,
                        );
                    }
                }
                item => define(item, &path.join("::"), None, &mut paths, &mut lines),
            }
        }
    }
    for item in modules.values().flat_map(|module| &module.items) {
        implemented(item, &paths, &mut lines);
    }
    lines
}

/// Lists what a `pub use` makes public: the item itself, if it is not listed elsewhere.
fn reexport(
    modules: &Modules,
    at: &[String],
    from: &[String],
    name: &str,
    cfg: &str,
    paths: &mut BTreeMap<String, String>,
    lines: &mut BTreeSet<String>,
) {
    let here = format!("{}::{name}", at.join("::"));
    let found = resolve(modules, at, from);
    let found: Vec<_> = found
        .into_iter()
        .filter(|item| !matches!(item, Item::Use(_) | Item::Macro(_)))
        .collect();
    let listed = found.iter().find_map(|item| paths.get(&name_of(item)?));
    if found.is_empty() || listed.is_some() {
        let from = listed.map_or_else(|| from.join("::"), ToOwned::to_owned);
        lines.insert(format!("{cfg}pub use {here} = {from}"));
        return;
    }
    for item in found {
        define(item, &at.join("::"), Some(name), paths, lines);
    }
}

/// Lists an item that a module defines.
fn define(
    item: &Item,
    module: &str,
    name: Option<&str>,
    paths: &mut BTreeMap<String, String>,
    lines: &mut BTreeSet<String>,
) {
    let of = |own: &syn::Ident| {
        format!(
            "{module}::{}",
            name.map_or_else(|| own.to_string(), str::to_owned)
        )
    };
    match item {
        Item::Struct(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            let path = of(&it.ident);
            let fields = fields(&it.fields, false);
            lines.insert(format!(
                "{}pub struct {path}{}{fields}",
                attributes(&it.attrs),
                shown(&it.generics)
            ));
            paths.insert(it.ident.to_string(), path);
        }
        Item::Enum(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            let path = of(&it.ident);
            lines.insert(format!(
                "{}pub enum {path}{}",
                attributes(&it.attrs),
                shown(&it.generics)
            ));
            for variant in &it.variants {
                let fields = fields(&variant.fields, true);
                lines.insert(format!(
                    "{}pub variant {path}::{}{fields}",
                    attributes(&variant.attrs),
                    variant.ident
                ));
            }
            paths.insert(it.ident.to_string(), path);
        }
        Item::Trait(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            let path = of(&it.ident);
            let bounds = bounds_of(&it.supertraits);
            lines.insert(format!(
                "{}pub trait {path}{}{bounds}",
                attributes(&it.attrs),
                shown(&it.generics)
            ));
            for item in &it.items {
                let line = match item {
                    TraitItem::Fn(it) if !hidden(&it.attrs) => {
                        let provided = if it.default.is_some() { " { … }" } else { "" };
                        signature(&it.sig, &path) + provided
                    }
                    TraitItem::Const(it) if !hidden(&it.attrs) => {
                        let provided = if it.default.is_some() { " = …" } else { "" };
                        format!("const {path}::{}: {}{provided}", it.ident, shown(&it.ty))
                    }
                    TraitItem::Type(it) if !hidden(&it.attrs) => {
                        format!("type {path}::{}{}", it.ident, bounds_of(&it.bounds))
                    }
                    _ => continue,
                };
                lines.insert(line);
            }
            paths.insert(it.ident.to_string(), path);
        }
        Item::Type(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            lines.insert(format!(
                "pub type {}{} = {}",
                of(&it.ident),
                shown(&it.generics),
                shown(&it.ty)
            ));
        }
        Item::Fn(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            lines.insert(format!(
                "{}pub {}",
                attributes(&it.attrs),
                signature(&it.sig, module)
            ));
        }
        Item::Const(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
            lines.insert(format!("pub const {}: {}", of(&it.ident), shown(&it.ty)));
        }
        Item::Macro(it)
            if it
                .attrs
                .iter()
                .any(|attr| attr.path().is_ident("macro_export"))
                && !hidden(&it.attrs) =>
        {
            if let Some(ident) = &it.ident {
                lines.insert(format!("macro spoa::{ident}!"));
            }
        }
        _ => {}
    }
}

/// Lists what an `impl` adds to a public type, and what a macro of the crate was given.
fn implemented(item: &Item, paths: &BTreeMap<String, String>, lines: &mut BTreeSet<String>) {
    let it = match item {
        Item::Impl(it) => it,
        // One that makes items of public types: it is given their names.
        Item::Macro(it) if it.ident.is_none() && !is_test(&it.attrs) => {
            let name = shown(&it.mac.path);
            let tokens = without_docs(it.mac.tokens.clone());
            let public = [
                "statuses",
                "frame_types",
                "scopes",
                "integers",
                "values",
                "tuples",
            ];
            if public.contains(&name.as_str()) {
                lines.insert(format!("{name}! {{ {} }}", tidy(&tokens.to_string())));
            }
            return;
        }
        _ => return,
    };
    if hidden(&it.attrs) || is_test(&it.attrs) {
        return;
    }
    let of_self = last(&shown(&it.self_ty)).and_then(|name| paths.get(&name));
    let Some((of_trait, _)) = &it.trait_ else {
        let Some(path) = of_self else {
            return;
        };
        for item in &it.items {
            let line = match item {
                ImplItem::Fn(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
                    format!("{}pub {}", attributes(&it.attrs), signature(&it.sig, path))
                }
                ImplItem::Const(it) if is_public(&it.vis) && !hidden(&it.attrs) => {
                    format!("pub const {path}::{}: {}", it.ident, shown(&it.ty))
                }
                _ => continue,
            };
            lines.insert(line);
        }
        return;
    };
    let ours = last(&shown(of_trait)).is_some_and(|name| paths.contains_key(&name));
    if of_self.is_some() || ours {
        let generics = shown(&it.generics);
        lines.insert(format!(
            "{}impl{generics} {} for {}",
            cfg(&it.attrs),
            shown(of_trait),
            shown(&it.self_ty)
        ));
    }
}

/// The name of a type or trait, without its path and its generics.
fn last(path: &str) -> Option<String> {
    let path = path.trim_start_matches('&');
    let path = path.split(['<', ' ']).next()?;
    path.rsplit("::").next().map(str::to_owned)
}
