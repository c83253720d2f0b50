//! Which lines of its files HAProxy reads, and as what: what `doctor` reads is the same.
//!
//! A line `@NAME` of these files stands for one that HAProxy shows and for a section of that name.

use spoa_config::Series;
use spoa_config::read::{Configuration, Disk, Surroundings};
use spoa_tests::{Haproxy, TempDir, for_each_haproxy};
use std::fs;
use std::process::{Command, Stdio};

/// The environment of all of them.
const ENVIRONMENT: [(&str, &str); 2] = [("GIVEN", "a"), ("LIST", "x y")];

/// Files by their paths, and the paths that HAProxy is given.
struct Input {
    files: Vec<(&'static str, String)>,
    given: &'static [&'static str],
}

fn one(text: &str) -> Input {
    Input {
        files: vec![("haproxy.cfg", text.to_owned())],
        given: &["haproxy.cfg"],
    }
}

/// Writes the files with another text for each line that begins with `@`.
fn write(input: &Input, mark: impl Fn(&str) -> String) -> TempDir {
    let dir = TempDir::new();
    for (path, text) in &input.files {
        let lines = text
            .split_inclusive('\n')
            .map(|line| match line.strip_prefix('@') {
                Some(name) => {
                    let end = name.trim_start_matches(|c| !matches!(c, '\r' | '\n'));
                    format!("{}{end}", mark(name.trim_end()))
                }
                None => line.to_owned(),
            });
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("writable");
        fs::write(path, lines.collect::<String>()).expect("writable");
    }
    dir
}

/// The names that HAProxy comes to, in order.
fn of_haproxy(haproxy: &Haproxy, input: &Input) -> Vec<String> {
    let dir = write(input, |name| {
        format!(".notice \"<{}>\"", name.trim_matches('"'))
    });
    let files = input.given.iter().flat_map(|path| ["-f", *path]);
    let checked = Command::new(haproxy.path())
        .arg("-c")
        .args(files)
        .current_dir(dir.path())
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .output()
        .expect("HAProxy runs");
    let said = String::from_utf8_lossy(&checked.stderr);
    let shown = said.lines().filter_map(|line| {
        let (_, name) = line.split_once(": '<")?;
        Some(name.split_once(">'")?.0.to_owned())
    });
    shown.collect()
}

/// The names of the sections that are read for sure, in order.
fn of_doctor(haproxy: &Haproxy, input: &Input) -> Vec<String> {
    let dir = write(input, |name| format!("backend {name}"));
    let (major, minor) = haproxy.series();
    let series: Series = format!("{major}.{minor}").parse().expect("a series");
    let around = Surroundings {
        series: Some(series),
        environment: &|name| {
            let mut all = ENVIRONMENT.iter();
            let (_, value) = all.find(|(key, _)| *key == name)?;
            Some((*value).to_owned())
        },
    };
    let paths: Vec<_> = input
        .given
        .iter()
        .map(|path| dir.path().join(path))
        .collect();
    let read = Configuration::read(&paths, &Disk, &around).expect("it can be read");
    let sections = read.sections.iter();
    let backends = sections.filter(|section| section.kind() == "backend");
    backends
        .filter(|section| section.head.certain)
        .map(|section| section.title().to_owned())
        .collect()
}

/// Compares what both read; it has to be this.
fn compare(haproxy: &Haproxy, input: &Input, expected: &[&str]) {
    let found = of_haproxy(haproxy, input);
    let files = &input.files;
    assert_eq!(found, expected, "{haproxy} itself: {files:?}");
    assert_eq!(of_doctor(haproxy, input), expected, "{haproxy}: {files:?}");
}

#[test]
fn conditions_are_evaluated_as_in_haproxy() {
    for_each_haproxy(|haproxy| {
        let mut conditions = vec![
            ("1", true),
            ("0", false),
            ("", false),
            ("defined(GIVEN)", true),
            ("!defined(GIVEN)", false),
            (r#"streq("$GIVEN",a)"#, true),
            (r#"streq("$GIVEN", a)"#, false),
            ("strneq(a,b)", true),
            ("1 && 0 || 1", true),
            ("0 && 1 || 0", false),
            ("!(1 && 0)", true),
            ("0 || defined(GIVEN)", true),
            ("version_atleast(2.4)", true),
            ("version_before(2.4)", false),
        ];
        // The newest known series stands for all later ones too, so that nothing is decided there.
        let (major, minor) = haproxy.series();
        let series: Option<Series> = format!("{major}.{minor}").parse().ok();
        if series != Series::ALL.last().copied() {
            conditions.push(("version_before(9.0)", true));
        }
        // 2.6 does not know it.
        if haproxy.at_least(2, 8) {
            conditions.extend([("strstr(abc,bc)", true), ("strstr(abc,x)", false)]);
        }
        for (condition, holds) in conditions {
            let text =
                format!(".if {condition}\n@yes\n.elif 1\n@no\n.else\n@never\n.endif\n@after\n");
            let branch = if holds { "yes" } else { "no" };
            compare(haproxy, &one(&text), &[branch, "after"]);
        }
    });
}

#[test]
fn the_environment_changes_line_by_line() {
    for_each_haproxy(|haproxy| {
        let text = "global\n\
            setenv A one\n\
            @\"1$A\"\nglobal\n\
            presetenv A two\n presetenv B three\n\
            @\"2$A$B\"\nglobal\n\
            setenv C \"${A}.${B}\"\n\
            @\"3$C\"\nglobal\n\
            unsetenv A GIVEN\n\
            @\"4${A-none}${GIVEN-none}\"\nglobal\n\
            .if defined(GIVEN)\n@5\n.else\n@6\n.endif\nglobal\n\
            setenv GIVEN b\n resetenv B\n\
            @\"7${B}${C-none}${GIVEN-none}${LIST-none}\"\n";
        let expected = [
            "1one",
            "2onethree",
            "3one.three",
            "4nonenone",
            "6",
            "7threenonenonenone",
        ];
        compare(haproxy, &one(text), &expected);
    });
}

/// HAProxy from 3.1 on reads `global` twice without `-W`, and the second time in the environment
/// that the first has left. With `-W`, which a service has, it reads it once: what differs is unknown.
#[test]
fn a_value_that_differs_when_haproxy_reads_twice_is_unknown() {
    for_each_haproxy(|haproxy| {
        let twice = haproxy.at_least(3, 1);
        let text = "global\n\
            presetenv A one\n\
            setenv B \"${LATER-none}\"\n\
            setenv GIVEN \"${GIVEN}x\"\n\
            @\"1$A\"\n@\"2$B\"\n@\"3$GIVEN\"\nglobal\n\
            setenv LATER two\n\
            @\"4$LATER\"\n";
        let input = one(text);
        let shown = if twice {
            ["1one", "2two", "3axx", "4two"]
        } else {
            ["1one", "2none", "3ax", "4two"]
        };
        assert_eq!(of_haproxy(haproxy, &input), shown, "{haproxy}");
        let sure: Vec<_> = of_doctor(haproxy, &input)
            .into_iter()
            .filter(|name| !name.contains('$') && name.len() > 1)
            .collect();
        let known: &[&str] = if twice { &["1one", "4two"] } else { &shown };
        assert_eq!(sure, known, "{haproxy}");
    });
}

#[test]
fn lines_and_quotes_end_as_in_haproxy() {
    for_each_haproxy(|haproxy| {
        let text = "global\r\n\tsetenv A one # two\r\n@\"$A\"\r\n.if 0\r\n@never\r\n.endif # x\r\n@two\r\n";
        compare(haproxy, &one(text), &["one", "two"]);
    });
}

#[test]
fn files_and_directories_are_read_in_order() {
    for_each_haproxy(|haproxy| {
        let names = [
            "dir/b.cfg",
            "dir/a.cfg",
            "dir/B.cfg",
            "dir/.c.cfg",
            "dir/d.conf",
            "dir/e.cfg~",
        ];
        let mut files: Vec<_> = names
            .iter()
            .map(|name| (*name, format!("@{}\n", name.trim_start_matches("dir/"))))
            .collect();
        files.push(("dir/f.cfg/x.cfg", "@x\n".to_owned()));
        files.push(("last.cfg", "@last\n".to_owned()));
        files.push(("first.txt", "@first\n".to_owned()));
        let input = Input {
            files,
            given: &["first.txt", "dir", "last.cfg"],
        };
        compare(
            haproxy,
            &input,
            &["first", "B.cfg", "a.cfg", "b.cfg", "last"],
        );
    });
}
