//! The crates that become part of an agent in production.

use spoa_tidy::workspace;
use std::collections::BTreeSet;
use std::process::Command;

/// Returns the crates of an agent with these features of `haproxy-spoa`.
fn crates(features: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--package", "haproxy-spoa"])
        .args(["--no-default-features", "--features", features])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn an_agent_with_run_alone_is_small_and_has_no_tools() {
    let crates = crates("run");
    assert!(crates.contains("haproxy-spoa"), "{crates:?}");
    assert!(crates.len() <= 35, "{} crates: {crates:?}", crates.len());
    for tool in [
        "haproxy-spoa-tools",
        "haproxy-spoa-config",
        "tempfile",
        "serde_json",
        "annotate-snippets",
        "clap",
    ] {
        assert!(!crates.contains(tool), "{tool} is for tools");
    }
}

#[test]
fn an_agent_with_tools_has_them() {
    assert!(crates("tools").contains("haproxy-spoa-tools"));
}
