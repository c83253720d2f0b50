//! Compares the findings of `doctor` with HAProxy's messages, for faulty and generated configurations.

use spoa_config::doctor::examine;
use spoa_config::doctor::{Code, Reaction};
use spoa_config::read::{Configuration, Disk, Surroundings};
use spoa_tests::{Haproxy, TempDir, example, for_each_haproxy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folders of `spoa-config/tests/doctor`, each with one fault.
fn faulty() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spoa-config/tests/doctor");
    let entries = fs::read_dir(all).expect("the folder is there").flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    assert!(folders.len() > 40, "{}", folders.len());
    folders
}

/// Returns whether HAProxy takes the configuration in a folder, and its messages.
fn check(haproxy: &Haproxy, folder: &Path) -> (Reaction, String) {
    let checked = Command::new(haproxy.path())
        .args(["-c", "-f", "haproxy.cfg"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("HAProxy runs");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    let says = match (checked.status.success(), said.contains("[WARNING]")) {
        (false, _) => Reaction::Refuses,
        (true, true) => Reaction::Warns,
        (true, false) => Reaction::Silent,
    };
    (says, said)
}

#[test]
fn haproxy_reacts_to_each_fault_as_doctor_says() {
    for_each_haproxy(|haproxy| {
        for folder in faulty() {
            let name = folder.file_name().expect("a name").to_string_lossy();
            let series = fs::read_to_string(folder.join("haproxy")).unwrap_or("3.1".into());
            let series = series.trim().split_once('.').expect("MAJOR.MINOR");
            let series = (
                series.0.parse().expect("a number"),
                series.1.parse().expect("one"),
            );
            let wanted = if series < (3, 1) {
                !haproxy.at_least(3, 1)
            } else {
                haproxy.at_least(series.0, series.1)
            };
            let (code, what) = name.split_once('-').expect("CODE-what-is-wrong");
            // Those for HAProxy before 3.1, or for a later one, say so, and one is full of what no
            // HAProxy knows.
            if !wanted || what == "what-is-not-known" {
                continue;
            }
            let expected = match code.parse::<Code>() {
                Ok(code) => code.reaction(),
                Err(_) => Reaction::Silent,
            };
            if expected == Reaction::Depends {
                continue;
            }
            let (says, said) = check(haproxy, &folder);
            assert_eq!(says, expected, "{haproxy}: {name}\n{said}");
        }
    });
}

#[test]
fn the_configurations_of_the_examples_have_no_findings() {
    for_each_haproxy(|haproxy| {
        let (major, minor) = haproxy.series();
        let series = format!("--haproxy={major}.{minor}");
        for name in ["ip-reputation", "inspect", "multi"] {
            let site = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../examples")
                .join(name)
                .join("site.cfg");
            let rules = format!("--rules={}", site.display());
            for args in [
                vec!["--fail=open"],
                vec!["--fail=closed"],
                vec!["--fail=open", "--show"],
                vec!["--fail=open", rules.as_str()],
                vec!["--fail=closed", rules.as_str()],
            ] {
                let dir = TempDir::new();
                let written = example(name)
                    .args(["config", &series, "--output"])
                    .arg(dir.path())
                    .args(&args)
                    .output()
                    .expect("the agent runs");
                let said = String::from_utf8_lossy(&written.stderr);
                assert!(written.status.success(), "{said}");
                let examined = example(name)
                    .args(["doctor", &series, "haproxy.cfg"])
                    .current_dir(dir.path())
                    .output()
                    .expect("the agent runs");
                let said = String::from_utf8_lossy(&examined.stdout);
                assert!(
                    examined.status.success() && said.starts_with("no problems found in "),
                    "{haproxy} {name} {args:?}: {said}"
                );
            }
        }
    });
}

/// Words after `args`, quoted in every way.
const QUOTED: [&str; 31] = [
    r#"x="req.fhdr(User-Agent)""#,
    r#"x='str(a b)'"#,
    r#""x=req.fhdr(User-Agent)""#,
    r#"'x=str(a b)'"#,
    r#"x=req.fhdr("User-Agent")"#,
    r#"x=str("a b")"#,
    r#"x=str('a b')"#,
    r#"x="str('a,b')""#,
    r#"x='str("a,b")'"#,
    r#"x=str("a,b")"#,
    r#"x=str(a\ b)"#,
    r#""x"=src"#,
    r#"x=str("a\"b")"#,
    r#"x="str(a),concat(\" \",txn.y)""#,
    r#"x=str(a),concat(' ',txn.y)"#,
    r#"x=str(a),concat(" ",txn.y)"#,
    r#""req.fhdr(User-Agent)""#,
    r##"x=str("a#b")"##,
    r#"x=str(a\#b)"#,
    r#"x="str("a"b")""#,
    r#"x=req.hdr(host),lower,regsub("a+","b")"#,
    r#"x='req.hdr(host),regsub("(a+),","\1")'"#,
    r#"x=req.hdr(host),regsub((a+),b)"#,
    r#"x="req.hdr(host),regsub(\"(a+)\",b)""#,
    r#"x=str(a"b)"#,
    r#"x=str('a)"#,
    r#"x="src" y='src'"#,
    r#"x="""#,
    r#"x="#,
    r#"x="str(${HOME})""#,
    r#"x='str(a)'"",lower"#,
];

#[test]
fn quotes_are_read_as_haproxy_reads_them() {
    let case =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../spoa-config/tests/doctor/SPOA000-nothing");
    let read = |name: &str| fs::read_to_string(case.join(name)).expect("readable");
    let (cfg, spoe) = (read("haproxy.cfg"), read("spoe.conf"));
    for_each_haproxy(|haproxy| {
        let (major, minor) = haproxy.series();
        let series = format!("{major}.{minor}").parse().ok();
        let mut wrong = Vec::new();
        for words in QUOTED {
            let dir = TempDir::new();
            let given = format!("args ip=src path=path {words}\n");
            dir.write(
                "spoe.conf",
                &spoe.replace("args ip=src path=path\n", &given),
            );
            let path = dir.write(
                "haproxy.cfg",
                &format!("global\n    default-path config\n{cfg}"),
            );
            let (says, said) = check(haproxy, dir.path());
            let around = Surroundings {
                series,
                environment: &|name| std::env::var(name).ok(),
            };
            let configuration = Configuration::read(&[path], &Disk, &around).expect("readable");
            let found = examine(&spoa_config::Agent::default(), &configuration, series);
            let found = found
                .iter()
                .any(|finding| finding.code == Code::SampleRefused);
            if found != (says == Reaction::Refuses) {
                wrong.push(format!(
                    "{words}: found is {found}, HAProxy says {says:?}: {said}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn a_renamed_variable_is_found_if_the_types_tell_all_names() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    // `inspect` has an `on_failure`, which may set any variable.
    for (name, variable, found) in [
        ("ip-reputation", "sess.ip_reputation.ip_score", true),
        ("inspect", "txn.inspect.agent_error", false),
    ] {
        let read = |file: &str| fs::read_to_string(examples.join(name).join(file)).expect("text");
        let (scope, _) = variable.rsplit_once('.').expect("it has a prefix");
        let dir = TempDir::new();
        dir.write("spoe.conf", &read("spoe.conf"));
        let config = read("haproxy.cfg").replace(variable, &format!("{scope}.before"));
        dir.write("haproxy.cfg", &config);
        let examined = example(name)
            .args(["doctor", "--haproxy=3.2", "haproxy.cfg"])
            .current_dir(dir.path())
            .output()
            .expect("the agent runs");
        let said = String::from_utf8_lossy(&examined.stdout);
        let title = format!("nothing sets `{scope}.before`");
        assert_eq!(said.contains(&title), found, "{name}: {said}");
    }
}
