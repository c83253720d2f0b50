//! Checks rules about sources and manifests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use spoa_tidy::{files, metadata, workspace};

/// Returns every Rust file of the project that its authors write.
fn sources() -> Vec<PathBuf> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let sources = files().into_iter().filter(rust);
    sources.map(|path| workspace().join(path)).collect()
}

/// Returns the sources for which `wrong` is true.
fn offenders(wrong: impl Fn(&Path, &str) -> bool) -> Vec<PathBuf> {
    let offends = |path: &PathBuf| wrong(path, &fs::read_to_string(path).expect("a text"));
    sources().into_iter().filter(offends).collect()
}

#[test]
fn every_file_opens_with_a_sentence_that_says_what_it_is() {
    // The cases of `ui-tests` show a user's source, which would not have one.
    let cases = |path: &Path| {
        ["ui-tests/pass", "ui-tests/fail"]
            .iter()
            .any(|part| path.starts_with(workspace().join(part)))
    };
    let silent = offenders(|path, text| !cases(path) && !text.starts_with("//! "));
    assert!(
        silent.is_empty(),
        "these do not open with `//! `: {silent:#?}"
    );
}

#[test]
fn no_file_has_the_marks_of_a_conflict() {
    // Put together here, so that this file does not find itself.
    let marks = ["<", ">", "|"].map(|mark| format!("{} ", mark.repeat(7)));
    let has_marks = |path: &PathBuf| {
        fs::read_to_string(workspace().join(path)).is_ok_and(|text| {
            let mut lines = text.lines();
            lines.any(|line| marks.iter().any(|mark| line.starts_with(mark.as_str())))
        })
    };
    let marked: Vec<_> = files().into_iter().filter(has_marks).collect();
    assert!(
        marked.is_empty(),
        "these have the marks of a merge in them: {marked:#?}"
    );
}

#[test]
fn no_test_is_ignored() {
    // Put together here, so that this file does not find itself.
    let ignore = ["#[", "ignore"].concat();
    let ignored = offenders(|_, text| text.contains(&ignore));
    assert!(
        ignored.is_empty(),
        "these ignore a test instead of fixing it: {ignored:#?}"
    );
}

#[test]
fn every_log_line_of_the_library_has_a_target_that_no_refactoring_changes() {
    let levels = ["error", "warn", "info", "debug", "trace", "$level"];
    let calls = levels.map(|level| format!("tracing::{level}!("));
    let of_the_library = |path: &Path| path.starts_with(workspace().join("spoa/src"));
    let has_a_target = |text: &str, call: &String| {
        let mut after = text.split(call.as_str()).skip(1);
        after.all(|arguments| arguments.trim_start().starts_with("target: "))
    };
    let offenders = offenders(|path, text| {
        of_the_library(path) && !calls.iter().all(|call| has_a_target(text, call))
    });
    assert!(
        offenders.is_empty(),
        "these log with the path of their module as target: add one of `log_target`: {offenders:#?}"
    );
}

/// Returns the name of the type or trait that a line defines.
fn defined_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        let restricted = rest.strip_prefix('(').and_then(|it| it.split_once(')'));
        restricted.map_or(rest, |(_, rest)| rest).trim_start()
    });
    let kinds = ["struct ", "enum ", "trait ", "union "];
    let name = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    let end = name.find(|char: char| !char.is_alphanumeric() && char != '_');
    // A macro may make the name.
    end.map(|end| &name[..end]).filter(|name| !name.is_empty())
}

/// Returns the types that a file defines in every build, outside of its tests.
fn defined_types(text: &str) -> Vec<&str> {
    let is_module = |at: &usize| {
        let item = text[*at..].lines().nth(2).unwrap_or_default();
        item.contains("mod ") && item.ends_with('{')
    };
    let mut tests = text.match_indices("\n#[cfg(test)]\n").map(|(at, _)| at);
    let code = tests.find(is_module).map_or(text, |at| &text[..at]);
    let mut found = Vec::new();
    let mut conditional = false;
    for line in code.lines() {
        match defined_type(line) {
            Some(name) if !conditional => found.push(name),
            // The attributes of an item are above it.
            None if line.trim_start().starts_with("#[") => conditional |= line.contains("#[cfg("),
            _ => conditional = false,
        }
    }
    found
}

#[test]
fn each_type_of_a_crate_has_a_name_of_its_own() {
    const CRATES: [&str; 7] = [
        "spoa",
        "spoa-cli",
        "spoa-config",
        "spoa-facts",
        "spoa-macros",
        "spoa-otel",
        "spoa-tools",
    ];
    // The errors of an agent and of a client are public, each in its module.
    const PUBLIC: [(&str, &str); 1] = [("spoa", "Error")];
    let mut places: BTreeMap<(&str, String), Vec<PathBuf>> = BTreeMap::new();
    for path in sources() {
        let relative = path.strip_prefix(workspace()).expect("it is below");
        let folder = |name: &str| relative.components().any(|it| it.as_os_str() == name);
        let its_crate = CRATES.iter().find(|it| relative.starts_with(it));
        let Some(its_crate) =
            its_crate.filter(|it| relative.starts_with(Path::new(it).join("src")))
        else {
            continue;
        };
        if folder("tests") || folder("tests.rs") || folder("template") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a text");
        for name in defined_types(&text) {
            let place = places.entry((its_crate, name.to_owned())).or_default();
            place.push(relative.to_owned());
        }
    }
    assert!(places.len() > 500, "the types are not found: {places:#?}");
    let shared: Vec<_> = places
        .iter()
        .filter(|((its_crate, name), files)| {
            files.len() > 1 && !PUBLIC.contains(&(its_crate, name.as_str()))
        })
        .collect();
    assert!(
        shared.is_empty(),
        "two types of a crate have one name, so a reader may take one for the other: {shared:#?}"
    );
}

#[test]
fn the_types_of_a_file_are_found() {
    let text = "pub(crate) struct A<T> {\n#[cfg(unix)]\n#[derive(Debug)]\nenum B;\npub trait C: Send {\n\
                /// struct D {}\nstruct E;\n\n#[cfg(test)]\nmod tests {\nstruct F;\n";
    assert_eq!(defined_types(text), ["A", "C", "E"]);
}

/// Whether the first version is later than the second, such as `1.85.1` than `1.85`.
fn later(one: &str, other: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let parts = version.split('.').chain(["0", "0"]).take(3);
        parts
            .map(|part| part.parse().expect("a version of Rust is numbers"))
            .collect()
    };
    numbers(one) > numbers(other)
}

#[test]
fn no_dependency_needs_a_later_rust_than_the_library_says() {
    let metadata = metadata();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();

    let packages = list(&metadata["packages"]);
    let packages: HashMap<_, _> = packages.iter().map(|one| (text(&one["id"]), one)).collect();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let nodes: HashMap<_, _> = nodes.iter().map(|one| (text(&one["id"]), one)).collect();

    let library = packages
        .iter()
        .find(|(_, package)| package["name"] == "haproxy-spoa");
    let (library, package) = library.expect("the library is a package");
    let ours = text(&package["rust_version"]);
    assert!(
        !ours.is_empty(),
        "the library does not say which Rust it needs"
    );

    let mut seen = HashSet::new();
    let mut next = vec![library.clone()];
    while let Some(id) = next.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let theirs = text(&packages[&id]["rust_version"]);
        let name = text(&packages[&id]["name"]);
        assert!(
            theirs.is_empty() || !later(&theirs, &ours),
            "{name} needs Rust {theirs}, the library promises {ours}"
        );
        for dependency in list(&nodes[&id]["deps"]) {
            // Users do not build the dependencies of tests.
            let kinds = list(&dependency["dep_kinds"]);
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                next.push(text(&dependency["pkg"]));
            }
        }
    }
    assert!(
        seen.len() > 10,
        "the dependencies are not where they are looked for: {seen:?}"
    );
}
