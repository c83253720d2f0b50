//! The public API of the crate `spoa`, as `api.txt` lists it: a change of it shows in a review.
//!
//! The listing is read from the source, item by item. An item that a macro of the crate makes shows as the tokens
//! that the macro was given.

use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Fields, ImplItem, Item, ItemMod, Meta, Token, TraitItem, UseTree, Visibility,
};

/// A module of the crate, public or not.
#[derive(Default)]
struct Module {
    public: bool,
    items: Vec<Item>,
}

type Modules = BTreeMap<Vec<String>, Module>;

#[test]
fn the_public_api_is_what_api_txt_lists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut lines: Vec<_> = listing(&root.join("spoa/src/lib.rs")).into_iter().collect();
    // By their paths, not by the attributes before them.
    lines.sort_by_cached_key(|line| match line.rsplit_once("] pub ") {
        Some((_, item)) => format!("pub {item}"),
        None => line.clone(),
    });
    let text = lines.iter().fold(
        "The public API of the crate spoa. `API=overwrite cargo test -p spoa-tests --test api` writes it.\n\n".to_owned(),
        |text, line| text + line + "\n",
    );
    let file = root.join("api.txt");
    if std::env::var("API").is_ok_and(|value| value == "overwrite") {
        std::fs::write(&file, &text).expect("api.txt can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    if committed == text {
        return;
    }
    let old: BTreeSet<_> = committed.lines().skip(2).collect();
    let new: BTreeSet<_> = text.lines().skip(2).collect();
    let gone = old.difference(&new).map(|line| format!("- {line}\n"));
    let came = new.difference(&old).map(|line| format!("+ {line}\n"));
    panic!(
        "the public API differs from api.txt:\n{}if that is meant, write it with \
         `API=overwrite cargo test -p spoa-tests --test api`",
        gone.chain(came).collect::<String>()
    );
}

/// Lists the API of a crate, one line for each item, sorted.
fn listing(lib: &Path) -> BTreeSet<String> {
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

/// Reads a file and the modules that it declares.
fn read(file: &Path, path: &[String], public: bool, modules: &mut Modules) {
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
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
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

/// Finds what a path names, seen from a module.
fn resolve<'m>(modules: &'m Modules, at: &[String], path: &[String]) -> Vec<&'m Item> {
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
        // A name that stands for itself is a crate.
        .filter(|(from, given)| given == name && from.as_slice() != std::slice::from_ref(name))
        .flat_map(|(from, _)| resolve(modules, &module, &from))
        .collect()
}

fn name_of(item: &Item) -> Option<String> {
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
            let bounds = bounds(&it.supertraits);
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

fn fields(fields: &Fields, all: bool) -> String {
    let shown_field = |field: &syn::Field| {
        let name = field
            .ident
            .as_ref()
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        let public = (all || is_public(&field.vis)) && !hidden(&field.attrs);
        public.then(|| format!("{name}{}", shown(&field.ty)))
    };
    let listed: Vec<_> = fields
        .iter()
        .map(|field| shown_field(field).unwrap_or_else(|| "_".to_owned()))
        .collect();
    match fields {
        Fields::Unit => String::new(),
        Fields::Unnamed(_) => format!("({})", listed.join(", ")),
        Fields::Named(_) => {
            let mut public: Vec<_> = listed
                .iter()
                .filter(|field| *field != "_")
                .cloned()
                .collect();
            if public.len() < listed.len() {
                public.push("..".to_owned());
            }
            format!(" {{ {} }}", public.join(", "))
        }
    }
}

fn bounds(bounds: &Punctuated<syn::TypeParamBound, Token![+]>) -> String {
    bounds_of(bounds)
}

fn bounds_of(bounds: &Punctuated<syn::TypeParamBound, Token![+]>) -> String {
    if bounds.is_empty() {
        String::new()
    } else {
        format!(": {}", shown(bounds))
    }
}

fn signature(signature: &syn::Signature, path: &str) -> String {
    let mut signature = signature.clone();
    let name = signature.ident.to_string();
    for input in &mut signature.inputs {
        if let syn::FnArg::Typed(typed) = input
            && let syn::Pat::Ident(pattern) = &mut *typed.pat
        {
            pattern.mutability = None;
        }
    }
    shown(&signature).replacen(&format!("fn {name}"), &format!("fn {path}::{name}"), 1)
}

/// The attributes that are part of the API: features, derives, and what a caller has to do.
fn attributes(attrs: &[Attribute]) -> String {
    let kept = ["cfg", "derive", "non_exhaustive"];
    let kept = attrs
        .iter()
        .filter(|attr| kept.iter().any(|name| attr.path().is_ident(name)));
    kept.map(|attr| shown(attr) + " ").collect()
}

fn cfg(attrs: &[Attribute]) -> String {
    let cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    cfgs.map(|attr| shown(attr) + " ").collect()
}

fn hidden(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("doc") && shown(attr).contains("hidden"))
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("cfg") && shown(attr) == "#[cfg(test)]")
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Drops doc comments, which are attributes to a macro.
fn without_docs(tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    let mut kept: Vec<proc_macro2::TokenTree> = Vec::new();
    for token in tokens {
        let doc = matches!(&token, proc_macro2::TokenTree::Group(group) if group.stream().to_string().starts_with("doc ="));
        if doc {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn shown(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// Removes the spaces that no person writes.
fn tidy(tokens: &str) -> String {
    let mut text = tokens.replace('\n', " ");
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" > ", "> "),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" ;", ";"),
        (" : ", ": "),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("[ ", "["),
        (" ]", "]"),
        ("# [", "#["),
        ("' ", "'"),
        (" !", "!"),
        ("- >", "->"),
        ("->", "-> "),
        ("  ", " "),
        (",)", ")"),
    ] {
        text = text.replace(spaced, tight);
    }
    text.trim().to_owned()
}
