//! Each finding on a configuration with just that fault, word for word.
//!
//! A folder of `tests/doctor` is named for the code it shows; 000 is for those without a fault. Its
//! file `haproxy` says for which HAProxy it is read, else it is 3.2; `listen` says where the agent listens,
//! `tls` which certificate it has. `DOCTOR=overwrite cargo test` writes what is expected anew.

use spoa_config::doctor::{Code, examine, page, render};
use spoa_config::read::{Configuration, Files, Surroundings};
use spoa_config::{Agent, Argument, Expected, Message, Series, Tls, Variable, write};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The agent that all of them ask.
fn agent() -> Agent {
    let argument = |name: &str, expected: Expected, rust_type: &str, sample: &str| Argument {
        name: Some(name.into()),
        index: None,
        rust_type: rust_type.into(),
        expected,
        required: !rust_type.starts_with("Option"),
        sample: Some(sample.into()),
        guess: None,
    };
    let variable = |name: &str, rust_type: &str| Variable {
        scope: "txn".into(),
        name: name.into(),
        rust_type: Some(rust_type.into()),
    };
    let message = |name: &str, line: u32| Message {
        name: name.into(),
        function: format!("agent::{}", name.replace('-', "_")),
        location: ("src/main.rs".into(), line),
        deadline: Some(Duration::from_millis(100)),
        ..Message::default()
    };
    Agent {
        name: "iprep".into(),
        listeners: vec!["127.0.0.1:12345".into()],
        messages: vec![
            Message {
                arguments: vec![
                    argument("ip", Expected::Address, "IpAddr", "src"),
                    argument("path", Expected::Text, "&str", "path"),
                    argument(
                        "user-agent",
                        Expected::Text,
                        "Option<&str>",
                        "req.fhdr(user-agent)",
                    ),
                    argument("body", Expected::Bytes, "Option<&[u8]>", "req.body"),
                ],
                variables: vec![variable("score", "u8")],
                event: Some("on-frontend-http-request".into()),
                ..message("check-request", 7)
            },
            Message {
                arguments: vec![argument("host", Expected::Text, "&str", "req.hdr(host)")],
                variables: vec![variable("backend", "String")],
                group: Some("routing".into()),
                deadline: None,
                ..message("choose-backend", 16)
            },
        ],
        ..Agent::default()
    }
}

/// A folder as the directory that HAProxy is started in.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }

    fn list(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let entries = fs::read_dir(self.0.join(path)).ok()?;
        Some(entries.flatten().map(|entry| entry.path()).collect())
    }
}

fn folders() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor");
    let entries = fs::read_dir(all).expect("the folder is there");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    folders.sort();
    folders
}

/// The code a folder is named for.
fn code(folder: &Path) -> Option<Code> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| name.split_once('-'));
    let (code, _) = name.expect("folders are named CODE-what-is-wrong");
    (code != "SPOA000").then(|| code.parse().expect("a code"))
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for folder in folders() {
        let series = fs::read_to_string(folder.join("haproxy")).unwrap_or("3.2".into());
        let series: Option<Series> = Some(series.trim().parse().unwrap());
        let around = Surroundings {
            series,
            environment: &|_| None,
        };
        let files = Folder(folder.clone());
        let there = |path: &&&str| folder.join(path).exists();
        let paths = ["haproxy.cfg", "spoe.conf", "etc/haproxy.cfg"];
        let paths: Vec<_> = paths.iter().filter(there).collect();
        let configuration = Configuration::read(&paths, &files, &around).unwrap();
        let mut agent = agent();
        if let Ok(listen) = fs::read_to_string(folder.join("listen")) {
            agent.listeners = vec![listen.trim().into()];
        }
        if let Ok(certificate) = fs::read_to_string(folder.join("tls")) {
            agent.tls = Some(Tls {
                certificate: certificate.trim().into(),
                mutual: false,
            });
        }
        let findings = examine(&agent, &configuration, series);
        let text = render(&findings, &configuration.sources, false);
        let path = folder.join("expected.txt");
        if std::env::var("DOCTOR").is_ok_and(|it| it == "overwrite") {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let mut found: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        found.dedup();
        let wanted: Vec<_> = code(&folder).into_iter().collect();
        if found != wanted || text != expected {
            wrong.push(format!("## {}\n{text}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `write` has written, as files.
struct Written(write::Configuration);

impl Files for Written {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("haproxy.cfg") => Ok(self.0.haproxy.clone().into_bytes()),
            Some("spoe.conf") => Ok(self.0.spoe.clone().into_bytes()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, _: &Path) -> Option<Vec<PathBuf>> {
        None
    }
}

#[test]
fn nothing_is_wrong_with_what_is_generated() {
    for series in Series::ALL {
        for (fail, show) in [
            (write::Fail::Open, false),
            (write::Fail::Open, true),
            (write::Fail::Closed, false),
        ] {
            let options = write::Options {
                fail,
                show,
                ..write::Options::new(series)
            };
            let files = Written(write::write(&agent(), &options).expect("it can be written"));
            let around = Surroundings {
                series: Some(series),
                environment: &|_| None,
            };
            let read = Configuration::read(&["haproxy.cfg"], &files, &around);
            let configuration = read.expect("it can be read");
            assert_eq!(configuration.filters.len(), 1);
            let findings = examine(&agent(), &configuration, Some(series));
            let text = render(&findings, &configuration.sources, false);
            assert_eq!(text, "", "{series} {fail:?}");
        }
    }
}

#[test]
fn every_code_has_a_configuration_that_shows_it() {
    let shown: Vec<_> = folders().iter().filter_map(|folder| code(folder)).collect();
    for code in Code::ALL {
        assert!(shown.contains(code), "{code} is shown nowhere");
    }
}

#[test]
fn every_code_is_explained_and_found_by_its_name() {
    for &code in Code::ALL {
        assert_eq!(code.name().to_lowercase().parse(), Ok(code));
        let text = code.explanation();
        for part in ["**At run time.** ", "**To mend it.** ", "```"] {
            assert!(text.contains(part), "{code} has no `{part}`");
        }
    }
    let error = "SPOA999".parse::<Code>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`SPOA999` is no code of the doctor's: they go from SPOA001 to SPOA082"
    );
}

#[test]
fn the_page_of_the_documentation_is_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    if std::env::var("DOCTOR").is_ok_and(|it| it == "overwrite") {
        fs::write(&path, page()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), page());
}
