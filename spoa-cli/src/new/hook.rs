//! Checks that `template/cargo-generate.rhai` makes the choices of `spop new`.

use super::kind::{KINDS, Kind};
use super::layout::layout;
use super::project::words;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Words whose values do not depend on the kind.
const COMMON: [&str; 4] = ["name", "NAME", "crate", "spoa"];

const HEAD: &str = r#"// Makes the choices of `spop new` for cargo-generate, before it fills the files. A test of haproxy-spoa-cli writes
// this file: `TEMPLATE=overwrite cargo test -p haproxy-spoa-cli hook`.
let name = variable::get("project-name");
for c in name {
    if !"abcdefghijklmnopqrstuvwxyz0123456789-".contains(c) {
        abort(`${name} cannot be the name of an agent: Debian and Kubernetes take lower-case letters, digits and - only`);
    }
}
if name.len > 40 {
    abort(`${name} cannot be the name of an agent: names of variables in HAProxy leave room for 40 characters`);
}
let kind = variable::get("kind");
let library = variable::get("library");
variable::set("name", name);
variable::set("NAME", name.to_upper());
variable::set("crate", variable::get("crate_name"));
"#;

/// Writes a text of Rhai, in which `${name}` is the name.
fn text(text: &str) -> String {
    assert!(!text.contains('`') && !text.starts_with('\n'), "{text}");
    format!("`{text}`")
}

/// Returns what has to be renamed so that a file of the template gets to its place.
fn rename(template: &str, place: &str) -> Option<(String, String)> {
    let (mut from, mut to): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), place.split('/').collect());
    if from == to {
        return None;
    }
    let mut last = None;
    while !from.is_empty() && from.last() == to.last() {
        last = from.pop();
        to.pop();
    }
    // Nothing is left of the place if a whole folder moves to the top.
    if to.is_empty() {
        from.extend(last);
        to.extend(last);
    }
    Some((from.join("/"), to.join("/")))
}

/// Returns the part of the hook for one kind.
fn part(kind: Kind) -> String {
    let mut part = format!("if kind == \"{}\" {{\n", kind.name);
    let words = words("${name}", kind, None);
    for (word, value) in words.iter().filter(|(word, _)| !COMMON.contains(word)) {
        part += &format!("    variable::set(\"{word}\", {});\n", text(value));
    }
    let (mut moved, mut renamed) = (BTreeSet::new(), BTreeSet::new());
    for place in layout("${name}", kind) {
        if !moved.insert(place.template.clone()) {
            part += &format!(
                "    file::write({}, {});\n",
                text(&place.path),
                text(place.text)
            );
            continue;
        }
        // cargo-generate drops the end `.liquid` before it runs the hook.
        let rename = rename(place.template.trim_end_matches(".liquid"), &place.path);
        if let Some((from, to)) = rename.filter(|(from, _)| renamed.insert(from.clone())) {
            part += &format!("    file::rename({}, {});\n", text(&from), text(&to));
        }
    }
    part + "}\n"
}

#[test]
fn the_hook_of_cargo_generate_makes_the_choices_of_the_command() {
    let mut hook = HEAD.to_owned();
    let [spoa, path] = [None, Some(Path::new("${library}"))].map(|library| {
        let words = words("agent", KINDS[0], library);
        let spoa = words.iter().find(|(word, _)| *word == "spoa");
        text(spoa.expect("it is a word").1)
    });
    hook +=
        &format!("variable::set(\"spoa\", if library == \"\" {{ {spoa} }} else {{ {path} }});\n");
    hook.extend(KINDS.map(part));
    hook += "file::delete(\"kinds\");\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/new/template/cargo-generate.rhai");
    if std::env::var("TEMPLATE").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, &hook).expect("it can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == hook,
        "write it: TEMPLATE=overwrite cargo test -p haproxy-spoa-cli hook"
    );
}
