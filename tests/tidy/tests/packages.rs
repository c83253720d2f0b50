//! Checks what is uploaded to crates.io: the manifests, the files and the READMEs of the packages.
//!
//! `README=overwrite cargo test -p spoa-tidy --test packages` writes `spoa/README.md` from the README of the project.

use serde_json::Value;
use spoa_tidy::{metadata, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the packages of the workspace that are published.
fn published() -> Vec<Value> {
    let metadata = metadata();
    let members = metadata["workspace_members"]
        .as_array()
        .expect("a list")
        .clone();
    let packages = metadata["packages"].as_array().expect("a list").clone();
    let published = packages
        .into_iter()
        .filter(|package| members.contains(&package["id"]) && package["publish"].is_null());
    let published: Vec<_> = published.collect();
    assert_eq!(published.len(), 7, "which packages are published?");
    published
}

fn folder(package: &Value) -> PathBuf {
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("it is in a folder").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_package_says_what_it_is() {
    for package in published() {
        let name = &package["name"];
        for field in [
            "description",
            "license",
            "repository",
            "homepage",
            "readme",
            "rust_version",
        ] {
            let text = package[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{name} has no `{field}`");
        }
        for (field, most) in [("keywords", 5), ("categories", 5)] {
            let list = package[field].as_array().expect("a list");
            assert!((1..=most).contains(&list.len()), "{name}: `{field}`");
        }
        for keyword in package["keywords"].as_array().expect("a list") {
            let keyword = keyword.as_str().expect("text");
            assert!(
                keyword.len() <= 20,
                "{name}: crates.io refuses the keyword {keyword}"
            );
        }
    }
}

/// The repository is moved by a change of one line: the manifest of the workspace.
#[test]
fn the_addresses_of_the_project_are_written_once() {
    let manifest = read(&workspace().join("Cargo.toml"));
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("repository = \""));
    let repository = line
        .expect("the workspace has a repository")
        .trim_end_matches('"');
    for package in published() {
        let own = read(&folder(&package).join("Cargo.toml"));
        for field in ["repository", "homepage", "license", "version"] {
            let inherited = format!("\n{field}.workspace = true\n");
            assert!(own.contains(&inherited), "{}: `{field}`", package["name"]);
        }
        assert_eq!(package["repository"], repository);
    }
    for file in spoa_tidy::files() {
        // Files that are not text have no addresses.
        let text = fs::read_to_string(workspace().join(&file)).unwrap_or_default();
        let here = file == Path::new("Cargo.toml");
        assert!(
            here || !text.contains(repository),
            "{}: link to a file instead",
            file.display()
        );
    }
}

#[test]
fn packages_of_the_project_need_each_other_in_exactly_their_version() {
    for package in published() {
        let ours = package["dependencies"].as_array().expect("a list").clone();
        let ours = ours
            .iter()
            .filter(|dependency| dependency["path"].is_string() && dependency["kind"].is_null());
        for dependency in ours {
            let version = package["version"].as_str().expect("text");
            let needed = dependency["req"].as_str().expect("text");
            assert_eq!(
                needed,
                format!("={version}"),
                "{}: {}",
                package["name"],
                dependency["name"]
            );
        }
    }
}

#[test]
fn a_package_has_its_source_licences_and_readme_and_nothing_else() {
    for package in published() {
        let name = package["name"].as_str().expect("text");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "-p",
                name,
            ])
            .current_dir(workspace())
            .output()
            .expect("cargo runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        let listed = String::from_utf8(output.stdout).expect("text");
        for file in ["README.md", "LICENSE-APACHE", "LICENSE-MIT", "Cargo.toml"] {
            assert!(
                listed.lines().any(|line| line == file),
                "{name} has no {file}: {listed}"
            );
        }
        let known = [
            "README.md",
            "LICENSE-",
            "Cargo.",
            "src/",
            ".cargo_vcs_info.json",
        ];
        let other = listed
            .lines()
            .find(|line| !known.iter().any(|known| line.starts_with(known)));
        assert_eq!(other, None, "{name} has a file that it does not need");
    }
}

#[test]
fn licences_are_those_of_the_project() {
    for package in published() {
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let of_package = read(&folder(&package).join(licence));
            let of_project = read(&workspace().join(licence));
            assert_eq!(of_package, of_project, "{}: {licence}", package["name"]);
        }
    }
}

/// Returns the README of the project as the package has it: links to files begin one folder further down.
fn of_package(readme: &str) -> String {
    let mut text = String::with_capacity(readme.len());
    let mut code = false;
    for line in readme.split_inclusive('\n') {
        code ^= line.trim_start().starts_with("```");
        if code {
            text.push_str(line);
            continue;
        }
        let mut parts = line.split("](");
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            text.push_str("](");
            if !part.starts_with("http") && !part.starts_with('#') {
                text.push_str("../");
            }
            text.push_str(part);
        }
    }
    text
}

#[test]
fn the_readme_of_the_library_is_that_of_the_project_with_links_that_fit() {
    let path = workspace().join("spoa/README.md");
    let expected = of_package(&read(&workspace().join("README.md")));
    if std::env::var_os("README").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &expected).expect("it can be written");
    }
    assert!(
        read(&path) == expected,
        "run `README=overwrite cargo test -p spoa-tidy --test packages`"
    );
    assert_eq!(
        of_package("[a](b) [c](https://d)\n```\n[e](f)\n"),
        "[a](../b) [c](https://d)\n```\n[e](f)\n"
    );
}

#[test]
fn the_changelog_has_the_version_and_the_policies_name_the_rust_version() {
    let package = published().swap_remove(0);
    let version = package["version"].as_str().expect("text");
    let rust = package["rust_version"].as_str().expect("text");
    let changelog = read(&workspace().join("CHANGELOG.md"));
    let heading = format!("\n## {version}");
    assert!(
        changelog.contains(&heading),
        "CHANGELOG.md has no section {version}"
    );
    for page in ["README.md", "docs/versions.md"] {
        let text = read(&workspace().join(page));
        assert!(
            text.contains(&format!("Rust {rust}")),
            "{page} does not say Rust {rust}"
        );
    }
}

/// An agent of the gallery that was copied out builds with the published crates only. Until they are published, they are
/// those of this tree, as gallery/README.md says.
#[test]
fn a_folder_of_the_gallery_can_be_copied_out() {
    let gallery = workspace().join("gallery");
    let copies = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    fs::remove_dir_all(&copies).ok();
    let entries = fs::read_dir(&gallery).expect("gallery is there");
    let mut found = 0;
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        if !entry.join("Cargo.toml").exists() {
            continue;
        }
        found += 1;
        let name = entry.file_name().expect("a name").to_owned();
        let copy = copies.join(&name);
        fs::create_dir_all(copy.join("src")).expect("a folder");
        let files = ["Cargo.toml", "src/main.rs"];
        for file in files {
            fs::copy(entry.join(file), copy.join(file)).expect("a copy");
        }
        // The versions that are here already, and a workspace of its own.
        fs::copy(workspace().join("Cargo.lock"), copy.join("Cargo.lock")).expect("a copy");
        let manifest = read(&copy.join("Cargo.toml")) + "\n[workspace]\n";
        fs::write(copy.join("Cargo.toml"), manifest).expect("a file");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--offline", "--format-version", "1"]);
        for folder in ["spoa", "spoa-otel"] {
            let path = workspace().join(folder);
            let patch = format!("patch.crates-io.haproxy-{folder}.path={path:?}");
            cargo.args(["--config", &patch]);
        }
        let output = cargo.current_dir(&copy).output().expect("cargo is there");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", name.display());
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let packages = metadata["packages"].as_array().expect("a list");
        let crates = packages
            .iter()
            .filter(|package| package["source"].is_null());
        let mut crates: Vec<_> = crates
            .filter_map(|package| package["name"].as_str())
            .collect();
        crates.retain(|known| !known.starts_with("haproxy-spoa"));
        assert_eq!(
            crates,
            [&*name],
            "{}: only published crates",
            name.display()
        );
    }
    assert!(found > 4, "only {found} agents are found");
}
