//! The examples behind every HAProxy, agents and configurations exactly as a reader finds them.

mod agent;
mod inspect;
mod ip_reputation;
mod multi;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spoa_tests::{Directory, TempDir, example, for_each_haproxy_in_turn};

/// Every example there is.
const EXAMPLES: [&str; 3] = ["ip-reputation", "inspect", "multi"];

/// The example that is not a program of `run!`, so it writes no configuration.
const EMBEDDED: &str = "beside-axum";

/// The top of the project.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_example_is_whole_and_its_own_tests_run() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(top())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let package = packages
        .iter()
        .find(|package| package["name"] == "spoa-examples")
        .expect("it is a member");
    let targets = package["targets"].as_array().expect("a list");
    assert_eq!(targets.len(), EXAMPLES.len() + 1);
    for name in EXAMPLES.into_iter().chain([EMBEDDED]) {
        let target = targets.iter().find(|target| target["name"] == name);
        // Without `test = true` cargo only compiles the tests of an example.
        assert_eq!(target.expect("it is a target")["test"], true, "{name}");
        let readme = top().join("examples").join(name).join("README.md");
        assert!(readme.is_file(), "{} is missing", readme.display());
    }
    for name in EXAMPLES {
        for file in ["main.rs", "site.cfg", "haproxy.cfg", "spoe.conf"] {
            let path = top().join("examples").join(name).join(file);
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
}

#[test]
fn the_configurations_are_what_config_writes_today() {
    for name in EXAMPLES {
        let (dir, there) = (TempDir::new(), top().join("examples").join(name));
        // The oldest, since what is written for it works with all.
        let wrote = example(name)
            .args(["config", "--haproxy=2.6", "--rules"])
            .arg(there.join("site.cfg"))
            .arg("--output")
            .arg(dir.path())
            .output()
            .expect("it runs");
        assert_eq!(String::from_utf8_lossy(&wrote.stderr), "", "{name}");
        for file in ["haproxy.cfg", "spoe.conf"] {
            let read = |path: PathBuf| std::fs::read_to_string(path).expect("it is there");
            assert!(
                read(there.join(file)) == read(dir.join(file)),
                "examples/{name}/{file} is out of date: run `cargo run -p spoa-examples --example {name} -- config \
                 --haproxy 2.6 --rules examples/{name}/site.cfg --output examples/{name}`"
            );
        }
    }
}

#[test]
fn the_configurations_pass_without_a_warning() {
    for_each_haproxy_in_turn(|haproxy| {
        for name in EXAMPLES {
            let said = Directory::new(&format!("examples/{name}"), "127.0.0.1:0").check(haproxy);
            assert!(
                said.is_empty() || said == "Configuration file is valid",
                "{name}: {said}"
            );
        }
    });
}
