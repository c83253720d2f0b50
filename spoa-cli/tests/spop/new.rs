//! `spop new`: what it refuses, what it makes, and that the projects build, pass their tests and deploy.

use super::deployment::{haproxy_takes_its_side, manifests_are_yaml, units_are_valid};
use super::{Done, spop};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const KINDS: [&str; 5] = ["plain", "verdict", "auth", "geo", "rate-limit"];

/// A folder below the target directory that is empty when the test begins.
pub(super) fn folder(name: &str) -> PathBuf {
    let folder = target().join("new").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Returns the target directory, which has `debug/spop`.
fn target() -> &'static Path {
    let program = Path::new(env!("CARGO_BIN_EXE_spop"));
    let target = program.parent().and_then(Path::parent);
    target.expect("the program is two folders down")
}

/// Returns the folder of the workspace.
fn workspace() -> &'static Path {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    top.expect("the crate is below the workspace")
}

pub(super) fn new(path: &Path, more: &[&str]) -> Done {
    let path = path.to_str().expect("text");
    let library = workspace().join("spoa");
    let library = library.to_str().expect("text");
    spop(&[&["new", path, "--spoa", library], more].concat())
}

/// Returns all files below a folder by their paths in it, sorted.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder is readable").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let path = path.strip_prefix(folder).expect("it is below");
                found.push(path.to_str().expect("text").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Runs a command that has to succeed, and returns what it printed.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {out}{err}");
    format!("{out}{err}")
}

#[test]
fn a_dry_run_lists_the_files_and_makes_none() {
    let folder = folder("dry");
    let listed = new(&folder.join("my-agent"), &["--dry-run"]).good();
    assert!(listed.contains("would have these files"), "{listed}");
    assert_eq!(files(&folder), [] as [&str; 0]);
    let made = new(&folder.join("my-agent"), &[]).good();
    let after = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("  "));
        let names = lines.filter_map(|line| line.split_whitespace().next());
        names
            .map(str::to_owned)
            .take_while(|name| name != "cd")
            .collect::<Vec<_>>()
    };
    assert_eq!(after(&listed), after(&made));
    for name in after(&made) {
        assert!(folder.join("my-agent").join(&name).exists(), "{name}");
    }
    assert!(made.contains("\n  cargo run -- dev "), "{made}");
}

#[test]
fn a_folder_that_is_not_empty_and_a_bad_name_are_refused() {
    let folder = folder("refused");
    fs::write(folder.join("mine"), "").expect("a file can be written");
    let refused = new(&folder, &[]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("is not empty"), "{}", refused.err);
    let refused = new(&folder.join("My_Agent"), &[]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("write `my-agent`"), "{}", refused.err);
    let path = folder.join("other");
    let refused = spop(&["new", path.to_str().expect("text"), "--spoa", "."]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("haproxy-spoa"), "{}", refused.err);
    assert_eq!(files(&folder), ["mine"]);
}

#[test]
fn without_a_clone_the_library_comes_from_its_registry() {
    let folder = folder("registry").join("my-agent");
    let path = folder.to_str().expect("text");
    let plan = spop(&["new", path, "--dry-run"]);
    let made = spop(&["new", path]);
    let library = workspace().join("spoa");
    let library = library.to_str().expect("text");
    for said in [plan, made] {
        let from = format!(
            "\nlibrary: haproxy-spoa {} from crates.io\n",
            env!("CARGO_PKG_VERSION")
        );
        assert!(said.out.contains(&from), "{}", said.out);
        // This `spop` was built in a clone, so the version may not be published.
        assert!(
            said.err.contains("may not be on crates.io")
                && said.err.contains(&format!("path = \"{library}\""))
                && said.err.contains(&format!("--spoa {library}")),
            "{}",
            said.err
        );
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        format!("spoa = {{ package = \"haproxy-spoa\", version = \"{version}\", features");
    assert!(manifest.contains(&expected), "{manifest}");
    let said = new(&folder.with_file_name("other"), &[]);
    let from = format!("\nlibrary: haproxy-spoa in {library}\n");
    assert!(said.out.contains(&from), "{}", said.out);
    assert!(!said.err.contains("crates.io"), "{}", said.err);
}

#[test]
fn without_a_haproxy_the_configuration_is_for_the_oldest_version() {
    let folder = folder("no-haproxy").join("my-agent");
    let mut new = Command::new(env!("CARGO_BIN_EXE_spop"));
    new.arg("new")
        .arg(&folder)
        .arg("--spoa")
        .arg(workspace().join("spoa"));
    let said = run(new.env("SPOA_HAPROXY", "/nowhere/haproxy"));
    for part in [
        "warning: `/nowhere/haproxy` is not a usable HAProxy",
        "SPOA_HAPROXY=/path/to/haproxy",
        "written for HAProxy 2.6. Later versions take them, too",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        !said.contains("--haproxy"),
        "it is not an option of `new`: {said}"
    );
    for side in ["haproxy", "deploy/kubernetes/sidecar"] {
        let text = fs::read_to_string(folder.join(side).join("haproxy.cfg")).expect("a text");
        let modes: Vec<_> = text
            .lines()
            .filter(|line| line.trim() == "mode spop")
            .collect();
        assert!(
            modes.is_empty() && text.contains("mode tcp"),
            "{side}: {text}"
        );
        let haproxies = env::var_os("SPOA_HAPROXY").unwrap_or_else(|| "haproxy".into());
        for haproxy in env::split_paths(&haproxies) {
            let mut check = Command::new(&haproxy);
            check.args(["-c", "-f", "haproxy.cfg"]);
            run(check.current_dir(folder.join(side)));
        }
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let to = to.join(&file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder can be made");
        fs::copy(from.join(file), to).expect("a file can be copied");
    }
}

/// Does what the hook of cargo-generate does for a kind. Returns the words with their values.
fn hook(folder: &Path, name: &str, kind: &str) -> Vec<(String, String)> {
    let hook = fs::read_to_string(folder.join("cargo-generate.rhai")).expect("a hook");
    let begin = format!("if kind == \"{kind}\" {{\n");
    let (_, part) = hook.split_once(&begin).expect("a part for the kind");
    let (mut part, _) = part.split_once("\n}\n").expect("the part ends");
    let mut words = Vec::new();
    while let Some((call, rest)) = part.split_once('(') {
        let (arguments, rest) = rest.split_once(");").expect("the call ends");
        part = rest;
        let arguments = arguments.replace("${name}", name);
        let texts: Vec<_> = arguments.split('`').collect();
        match (call.trim(), texts.as_slice()) {
            ("variable::set", [word, value, ""]) => {
                let word = word.trim_matches(['"', ',', ' ']);
                words.push((word.to_owned(), (*value).to_owned()));
            }
            ("file::rename", ["", from, ", ", to, ""]) => {
                fs::rename(folder.join(from), folder.join(to)).expect("it can be renamed");
            }
            ("file::write", ["", path, ", ", text, ""]) => {
                fs::write(folder.join(path), text).expect("it can be written");
            }
            other => panic!("{kind}: {other:?}"),
        }
    }
    fs::remove_dir_all(folder.join("kinds")).expect("a folder can be removed");
    for file in files(folder) {
        if file.starts_with("cargo-generate") {
            fs::remove_file(folder.join(file)).expect("a file can be removed");
        }
    }
    words
}

/// Fills a text of the template as Liquid does: the `-` of a tag removes the white space before it.
fn liquid(text: &str, words: &[(String, String)]) -> String {
    let mut filled = String::new();
    let mut shows = true;
    let mut parts = text.split("{%-").peekable();
    let mut first = true;
    while let Some(mut part) = parts.next() {
        if !first {
            let (tag, rest) = part.split_once("%}").expect("a tag ends");
            part = rest;
            shows = match tag.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["if", word, "!=", "\"\""] => words
                    .iter()
                    .any(|(known, value)| known == word && !value.is_empty()),
                ["endif"] => true,
                other => panic!("{other:?} is not a tag of the template"),
            };
        }
        first = false;
        if shows {
            let last = parts.peek().is_none();
            filled.push_str(if last { part } else { part.trim_end() });
        }
    }
    for (word, value) in words {
        filled = filled.replace(&format!("{{{{{word}}}}}"), value);
    }
    filled
}

#[test]
fn cargo_generate_makes_the_same_files() {
    let top = folder("cargo-generate");
    for kind in KINDS {
        let name = format!("my-{kind}");
        let made = top.join("spop").join(&name);
        assert_eq!(new(&made, &["--kind", kind]).status, 0, "{kind}");
        let generated = top.join("generated").join(&name);
        copy(&workspace().join("spoa-cli/src/new/template"), &generated);
        let mut words = hook(&generated, &name, kind);
        let library = workspace().join("spoa");
        words.extend([
            ("name".to_owned(), name.clone()),
            ("NAME".to_owned(), name.to_uppercase()),
            ("crate".to_owned(), name.replace('-', "_")),
            (
                "spoa".to_owned(),
                format!("package = \"haproxy-spoa\", path = {library:?}"),
            ),
        ]);
        let of_config = |file: &String| {
            ["haproxy/", "deploy/kubernetes/sidecar/"]
                .iter()
                .any(|folder| file.starts_with(folder))
                && ["/haproxy.cfg", "/spoe.conf"]
                    .iter()
                    .any(|end| file.ends_with(end))
        };
        let expected: Vec<_> = files(&made)
            .into_iter()
            .filter(|file| !of_config(file))
            .collect();
        // cargo-generate drops the end `.liquid`.
        let there: Vec<_> = files(&generated);
        let shown = |file: &String| file.trim_end_matches(".liquid").to_owned();
        let mut names: Vec<_> = there.iter().map(shown).collect();
        names.sort();
        assert_eq!(names, expected, "{kind}");
        for file in there {
            let text = fs::read_to_string(generated.join(&file)).expect("a text");
            let usual = fs::read_to_string(made.join(shown(&file))).expect("a text");
            assert_eq!(liquid(&text, &words), usual, "{kind}: {file}");
        }
    }
}

/// One test, since all kinds are members of one workspace, which is built once.
#[test]
fn every_kind_builds_passes_its_tests_and_deploys() {
    let folder = folder("kinds");
    for kind in KINDS {
        let made = new(&folder.join(format!("my-{kind}")), &["--kind", kind]);
        assert_eq!(made.status, 0, "{kind}: {}{}", made.out, made.err);
        for file in files(&folder.join(format!("my-{kind}"))) {
            let text = fs::read_to_string(folder.join(format!("my-{kind}")).join(&file));
            let text = text.expect("a text");
            assert!(
                !text.contains("{{") && !text.contains("{%"),
                "{kind}: {file}: {text}"
            );
        }
    }
    follow_the_tutorial(&folder.join("my-verdict"));
    // The dependencies are those of the project, so most of them are built already.
    let lock = workspace().join("Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).expect("the lock can be copied");
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"my-*\"]\n\n[profile.dev.package.\"*\"]\nopt-level = 1\n";
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest can be written");
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).current_dir(&folder);
        run(command.env("CARGO_TARGET_DIR", target()))
    };
    cargo(&["fmt", "--all", "--check"]);
    let said = cargo(&["test", "--offline", "--workspace"]);
    assert_eq!(
        said.matches("test result: ok").count(),
        2 * KINDS.len(),
        "{said}"
    );
    let warnings = said.lines().filter(|line| line.starts_with("warning: "));
    let warnings: Vec<_> = warnings.filter(|line| !line.contains("profiles")).collect();
    assert!(warnings.is_empty(), "{said}");

    for kind in KINDS {
        let name = format!("my-{kind}");
        let project = folder.join(&name);
        let program = target().join("debug").join(&name);
        haproxy_takes_its_side(kind, &project, &program);
        units_are_valid(&name, &project, &program);
    }
    manifests_are_yaml(&folder);
}

/// Changes a project as `docs/tutorial.md` says: a rule more in the handler, and a test of it.
fn follow_the_tutorial(project: &Path) {
    let read = |path: &Path| fs::read_to_string(path).expect("a text");
    let page = read(&workspace().join("docs/tutorial.md"));
    let block = |language: &str| {
        let (_, rest) = page
            .split_once(&format!("```{language}\n"))
            .expect("a block");
        rest.split_once("```").expect("the block ends").0
    };
    let handler = block("rust");
    let (before, rest) = handler
        .split_once("    // This rule is new.\n")
        .expect("a rule");
    let (_, after) = rest.split_once("    }\n").expect("the rule ends");
    let (main, tests) = (project.join("src/main.rs"), project.join("src/tests.rs"));
    let (source, old) = (read(&main), format!("{before}{after}"));
    assert!(source.contains(&old), "{source}");
    fs::write(&main, source.replace(&old, handler)).expect("it can be written");
    let list = "in [\n";
    let listed = format!("{list}        {}", block("rust,ignore"));
    let source = read(&tests);
    assert!(source.contains(list), "{source}");
    fs::write(&tests, source.replacen(list, &listed, 1)).expect("it can be written");
}
