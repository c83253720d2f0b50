//! The modules of a crate, read from its source, and what the paths in them name.

use crate::tokens::{hidden, is_public, is_test, shown};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::{Item, ItemMod, Meta, UseTree};

/// A module of the crate, public or not.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) public: bool,
    pub(crate) items: Vec<Item>,
}

pub(crate) type Modules = BTreeMap<Vec<String>, Module>;

/// Reads a file and the modules that it declares.
pub(crate) fn read(file: &Path, path: &[String], public: bool, modules: &mut Modules) {
    let text =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed =
        syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let stem = file.file_stem().unwrap_or_default();
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = match stem.to_str() {
        Some("lib" | "mod") => folder.to_owned(),
        _ => folder.join(stem),
    };
    collect(parsed.items, &folder, path, public, modules);
}

fn collect(items: Vec<Item>, folder: &Path, path: &[String], public: bool, modules: &mut Modules) {
    let mut module = Module {
        public,
        items: Vec::new(),
    };
    for item in items {
        match item {
            Item::Mod(inner) if !is_test(&inner.attrs) => {
                let mut path = path.to_vec();
                path.push(inner.ident.to_string());
                let public = public && is_public(&inner.vis) && !hidden(&inner.attrs);
                // A module may be there twice, private without a feature: the public one counts.
                if !public && modules.contains_key(&path) {
                    continue;
                }
                match inner.content {
                    Some((_, items)) => collect(
                        items,
                        &folder.join(inner.ident.to_string()),
                        &path,
                        public,
                        modules,
                    ),
                    None => read(&file_of(&inner, folder), &path, public, modules),
                }
            }
            item => module.items.push(item),
        }
    }
    modules.insert(path.to_vec(), module);
}

fn file_of(module: &ItemMod, folder: &Path) -> PathBuf {
    for attribute in &module.attrs {
        if let Meta::NameValue(named) = &attribute.meta
            && named.path.is_ident("path")
        {
            return folder.join(shown(&named.value).trim_matches('"'));
        }
    }
    let file = folder.join(format!("{}.rs", module.ident));
    if file.exists() {
        return file;
    }
    folder.join(module.ident.to_string()).join("mod.rs")
}

/// The paths that a `use` names, each with the name it is given.
pub(crate) fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Glob(_) => vec![(vec!["*".to_owned()], "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Path(path) => {
            let prefix = path.ident.to_string();
            let inner = leaves(&path.tree).into_iter();
            inner
                .map(|(mut from, name)| {
                    from.insert(0, prefix.clone());
                    (from, name)
                })
                .collect()
        }
    }
}

/// Finds what a path names, seen from a module.
pub(crate) fn resolve<'m>(modules: &'m Modules, at: &[String], path: &[String]) -> Vec<&'m Item> {
    let Some((name, prefix)) = path.split_last() else {
        return Vec::new();
    };
    let mut module = at.to_vec();
    for (place, segment) in prefix.iter().enumerate() {
        match segment.as_str() {
            "crate" if place == 0 => module.truncate(1),
            "self" => {}
            "super" => {
                module.pop();
            }
            segment => module.push(segment.to_owned()),
        }
    }
    let Some(found) = modules.get(&module) else {
        return Vec::new();
    };
    let named: Vec<_> = found
        .items
        .iter()
        .filter(|item| name_of(item).as_ref() == Some(name))
        .collect();
    if !named.is_empty() {
        return named;
    }
    let imports = found.items.iter().filter_map(|item| match item {
        Item::Use(import) => Some(leaves(&import.tree)),
        _ => None,
    });
    imports
        .flatten()
        // A path of one word names a crate.
        .filter(|(from, given)| given == name && from.as_slice() != std::slice::from_ref(name))
        .flat_map(|(from, _)| resolve(modules, &module, &from))
        .collect()
}

pub(crate) fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Struct(it) => it.ident.to_string(),
        Item::Enum(it) => it.ident.to_string(),
        Item::Trait(it) => it.ident.to_string(),
        Item::Type(it) => it.ident.to_string(),
        Item::Fn(it) => it.sig.ident.to_string(),
        Item::Const(it) => it.ident.to_string(),
        Item::Static(it) => it.ident.to_string(),
        _ => return None,
    })
}
