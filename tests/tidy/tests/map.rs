//! Checks that the map in ARCHITECTURE.md names only modules that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use spoa_tidy::workspace;

/// Returns the paths that a map names, each once for each time that it is named, from the folder of the workspace.
fn modules(map: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // The folders around a line, with their indentation.
    let mut folders: Vec<(usize, PathBuf)> = Vec::new();
    for line in map.lines() {
        let text = line.trim_start();
        let indentation = line.len() - text.len();
        // A line that starts at the descriptions continues one.
        if text.is_empty() || indentation > 12 {
            continue;
        }
        while folders
            .last()
            .is_some_and(|(outer, _)| *outer >= indentation)
        {
            folders.pop();
        }
        let (names, _) = text
            .split_once("  ")
            .unwrap_or_else(|| panic!("two blanks come before the description: {line}"));
        let parent = folders.last().map(|(_, folder)| folder.clone());
        let parent = parent.unwrap_or_default();
        for name in names.split(", ") {
            let path = parent.join(name.trim_end_matches('/'));
            found.push(path.clone());
            folders.push((indentation, path));
        }
    }
    found
}

/// Returns whether the workspace has a folder or a module at a path of the map, where `src` is left out.
fn exists(path: &Path) -> bool {
    let mut parts = path.components();
    let package = PathBuf::from(parts.next().expect("a path has a part").as_os_str());
    [package.join("src").join(parts.as_path()), path.to_owned()]
        .iter()
        .map(|path| workspace().join(path))
        .any(|path| path.is_dir() || path.with_extension("rs").is_file())
}

#[test]
fn the_map_of_the_architecture_names_modules_that_exist() {
    let page = fs::read_to_string(workspace().join("ARCHITECTURE.md")).expect("it is readable");
    let (_, map) = page.split_once("\n## Map\n\n```\n").expect("it has a map");
    let (map, _) = map.split_once("\n```\n").expect("the map ends");
    let modules = modules(map);
    assert!(modules.len() > 150, "{modules:#?}");
    let missing: Vec<_> = modules.iter().filter(|path| !exists(path)).collect();
    assert!(
        missing.is_empty(),
        "modules that do not exist: {missing:#?}"
    );
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = modules.iter().filter(|path| !seen.insert(*path)).collect();
    assert!(twice.is_empty(), "modules that are named twice: {twice:#?}");
}

#[test]
fn the_lines_of_a_map_are_paths() {
    let map = "a/      a package\n  b, c/   two modules\n    d     below the second\n                 continued\n\
               e/      another package\n";
    let expected = ["a", "a/b", "a/c", "a/c/d", "e"];
    assert_eq!(modules(map), expected.map(PathBuf::from));
}
