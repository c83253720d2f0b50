//! Finds the project's files. The tests of this crate check what they say, import and link to.
//!
//! It depends on no other crate of the project, so its tests run without building the library.

pub mod commands;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the folder of the workspace.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let top = tests.and_then(Path::parent);
    top.expect("the crate is two folders below the workspace")
}

/// Folders that hold build output, or text and bytes that come from somewhere else.
const NOT_OURS: [&str; 7] = [
    "target",
    ".git",
    "data",
    "golden",
    "wip",
    "corpus",
    "artifacts",
];

/// Returns every file of the project by its path from the workspace, sorted.
pub fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)
            .expect("a folder is readable")
            .flatten()
        {
            let path = entry.path();
            let name = entry.file_name();
            if !path.is_dir() {
                let path = path.strip_prefix(workspace()).expect("it is below");
                found.push(path.to_owned());
            } else if !NOT_OURS.iter().any(|not| name == *not) {
                folders.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 100, "the walk finds only {found:#?}");
    found
}

/// Returns what `cargo metadata` says of the workspace and its dependencies, with all features.
pub fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--all-features"])
        .args(["--locked", "--offline"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}
