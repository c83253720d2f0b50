//! Gives the parts of files that pages show to the programs that read such files.

use crate::sandbox::top;
use spoa_tests::{Authority, Directory, TempDir, for_each_haproxy, spop};
use std::fs;
use std::process::Command;

/// A page, and the languages of its snippets that a test here reads.
const READ: [(&str, &str); 10] = [
    // The commands of this page read it.
    ("docs/description.md", "json"),
    // Its examples are cases of the doctor's own tests.
    ("docs/doctor.md", ""),
    ("docs/fleet.md", "haproxy"),
    ("docs/haproxy.md", "haproxy"),
    ("docs/operations/README.md", "log"),
    ("docs/operations/lifecycle.md", "haproxy"),
    ("docs/operations/metrics.md", "yaml"),
    ("docs/operations/tls-and-sockets.md", "haproxy"),
    ("docs/recipes.md", "haproxy"),
    ("docs/recording.md", "json"),
];

/// A part of a file on a page.
pub(crate) struct Snippet {
    pub(crate) page: String,
    language: String,
    pub(crate) text: String,
}

/// Returns the pages for users of the project.
pub(crate) fn pages() -> Vec<String> {
    let files = spoa_tidy::files().into_iter();
    let mut pages: Vec<_> = files
        .filter(|file| !file.starts_with("spoa-cli/src/new/template"))
        .map(|file| file.to_str().expect("text").to_owned())
        .filter(|file| file.ends_with(".md"))
        .collect();
    // The findings of the doctor are a page of the guide, too.
    let parts = ["ARCHITECTURE.md", "CONTRIBUTING.md", "spoa-config/src/"];
    pages.retain(|page| !parts.iter().any(|part| page.starts_with(part)));
    pages
}

/// Returns the snippets of every page, in order.
fn snippets() -> Vec<Snippet> {
    let mut found = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(top().join(&page)).expect("a page");
        for block in text.split("```").skip(1).step_by(2) {
            let (language, text) = block.split_once('\n').expect("a block has lines");
            found.push(Snippet {
                page: page.clone(),
                language: language.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    found
}

/// Returns the snippets in a language.
pub(crate) fn in_language(language: &str) -> Vec<Snippet> {
    let mut found = snippets();
    found.retain(|snippet| snippet.language == language);
    assert!(!found.is_empty(), "no page shows {language}");
    found
}

#[test]
fn every_snippet_is_read_by_a_test() {
    for Snippet { page, language, .. } in snippets() {
        // The compiler reads the code, and tests of this folder all other languages of this list but
        // `diff`: a change to HAProxy's own source, which no HAProxy of the tests has.
        let elsewhere = ["console", "diff", "text", "toml"].contains(&&*language);
        assert!(
            elsewhere || language.starts_with("rust") || READ.contains(&(&*page, &*language)),
            "{page}: test its snippets of the language `{language}` in tests/tests/guide/snippets.rs"
        );
    }
    for (page, language) in READ {
        let shown = in_language(language);
        let shown = shown.iter().any(|snippet| snippet.page == page);
        assert!(shown, "{page} does not show {language}");
    }
}

/// Asserts that every HAProxy takes a snippet: whole sections, or lines of a frontend.
fn haproxy_takes(snippet: &Snippet) {
    let Snippet { page, text, .. } = snippet;
    let section = ["backend ", "resolvers ", "frontend ", "global"];
    let whole = section.iter().any(|word| text.starts_with(word));
    let front = if whole { "" } else { text.as_str() };
    for_each_haproxy(|haproxy| {
        let dir = TempDir::new();
        let authority = Authority::new("authority");
        dir.write("agent-ca.pem", &authority.pem());
        dir.write("client.pem", &authority.client().both());
        let config = format!(
            "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n    \
             timeout http-request 5s\n\nfrontend www\n    bind 127.0.0.1:8080\n{front}    default_backend site\n\n\
             backend site\n    http-request return status 200\n\n{}",
            if whole { text } else { "" }
        );
        let config = config.replace("/etc/haproxy/", &format!("{}/", dir.path().display()));
        dir.write("haproxy.cfg", &config);
        let path = dir.path().to_str().expect("its path is text");
        let said = Directory::new(path, "127.0.0.1:0").check(haproxy);
        assert!(
            said.is_empty() || said == "Configuration file is valid",
            "{page}: {haproxy}: {said}\n{config}"
        );
    });
}

#[test]
fn haproxy_takes_the_lines_of_every_page() {
    for snippet in in_language("haproxy") {
        haproxy_takes(&snippet);
    }
}

/// Asserts that a command succeeds.
fn must(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{what}: {error}: `.ci/run` installs what the tests need");
    });
    assert!(output.status.success(), "{what}: {output:?}");
}

#[test]
fn prometheus_takes_its_configuration_and_kubernetes_gets_yaml() {
    for Snippet { page, text, .. } in in_language("yaml") {
        let dir = TempDir::new();
        let file = dir.write("file.yaml", &text);
        let mut python = Command::new("python3");
        python.args([
            "-c",
            "import sys, yaml; assert yaml.safe_load(open(sys.argv[1]))",
        ]);
        must(python.arg(&file), &page);
        if text.starts_with("scrape_configs:") {
            let mut promtool = Command::new("promtool");
            must(promtool.args(["check", "config"]).arg(&file), &page);
        } else {
            assert!(text.starts_with("# Kubernetes\n"), "{page}: {text}");
        }
    }
}

#[test]
fn cargo_takes_the_dependencies_of_every_page() {
    let metadata = spoa_tidy::metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let mut count = 0;
    for Snippet { page, text, .. } in in_language("toml") {
        for line in text.lines() {
            let Some((_, name)) = line.split_once("package = \"") else {
                continue;
            };
            let (name, rest) = name.split_once('"').expect("a name ends");
            let package = packages.iter().find(|package| package["name"] == name);
            let package = package.unwrap_or_else(|| panic!("{page}: {name} is not a package"));
            let version = package["version"].as_str().expect("text");
            let series = version.rsplit_once('.').expect("three numbers").0;
            assert!(
                rest.starts_with(&format!(", version = \"{series}\"")),
                "{page}: {name} has the version {version}: {line}"
            );
            let features = rest.split_once("features = [").map_or("", |(_, list)| list);
            for feature in features.split('"').skip(1).step_by(2) {
                assert!(
                    package["features"].get(feature).is_some(),
                    "{page}: {name} has no feature {feature}"
                );
            }
            count += 1;
        }
    }
    assert!(count > 3, "only {count} dependencies are found");
}

#[test]
fn spop_explains_the_lines_of_the_log_on_every_page() {
    for Snippet { page, text, .. } in in_language("log") {
        for line in text.lines() {
            must(spop().args(["explain", line]), &page);
        }
    }
}

/// Returns the keys of objects, with those of the objects in them.
fn keys(value: &serde_json::Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(list) = value.as_array() {
        found.extend(list.iter().flat_map(keys));
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        found.push(key.clone());
        found.extend(keys(value));
    }
    found
}

/// Asserts that a recording has lines like those on the page, with the same keys.
pub(crate) fn lines_of_a_recording(recording: &str) {
    let read = |text: &str| serde_json::from_str(text).expect("JSON");
    let lines: Vec<_> = recording
        .lines()
        .map(read)
        .map(|line| keys(&line))
        .collect();
    let mut found = in_language("json");
    found.retain(|snippet| snippet.page == "docs/recording.md");
    assert_eq!(found.len(), 3);
    for Snippet { text, .. } in found {
        let shown = keys(&read(&text));
        assert!(lines.contains(&shown), "{text} is not among {recording}");
    }
}
