//! The cases of `doctor`: configurations with one fault each, what they ask, and how each is fixed.
//!
//! A case is a folder of `spoa-config/tests/doctor`, named for its code; 000 is for those without a
//! fault. It needs no HAProxy, so that the tests of this crate and those of `spoa-tests` share it.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each of the two tests uses its part"
)]

mod fix;
mod handlers;

pub use fix::{Fix, fragments};

use spoa_config::doctor::{Code, Finding, examine};
use spoa_config::read::{Configuration, Files, Surroundings};
use spoa_config::{Agent, Argument, Expected, Message, Presence, Series, Tls, Variable};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The agent that all cases ask.
pub fn agent() -> Agent {
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
        presence: Presence::Always,
    };
    let message = |name: &str, line: u32| Message {
        name: name.into(),
        function: format!("agent::{}", name.replace('-', "_")),
        location: ("src/main.rs".into(), line),
        timeout: Some(Duration::from_millis(100)),
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
                timeout: None,
                ..message("choose-backend", 16)
            },
        ],
        ..Agent::default()
    }
}

/// The values with which the agent lets a request pass, as HAProxy shows them.
///
/// A case with a file `answers` says others there: a line `NAME VALUE` for each variable, with
/// `-` for one that is not set.
pub fn good(name: &str) -> &'static str {
    match name {
        "score" => "100",
        "backend" => "servers",
        _ => "true",
    }
}

/// The files of a case, by their paths in its folder.
pub type Contents = BTreeMap<PathBuf, String>;

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub contents: Contents,
}

/// All cases, in the order of their names.
pub fn all() -> Vec<Case> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spoa-config/tests/doctor");
    let entries = fs::read_dir(all).expect("the folder is there");
    let mut cases: Vec<_> = entries
        .map(|entry| Case::read(entry.expect("readable").path()))
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() > 60, "{}", cases.len());
    cases
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.expect("folders have plain names").to_owned();
        let mut contents = Contents::new();
        let mut directories = vec![folder.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).expect("readable").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let bytes = fs::read(&path).expect("readable");
                let path = path.strip_prefix(&folder).expect("it is in there");
                let text = String::from_utf8_lossy(&bytes).into_owned();
                contents.insert(path.to_owned(), text);
            }
        }
        Case {
            name,
            folder,
            contents,
        }
    }

    /// The code it is named for; `None` if nothing is wrong with it.
    pub fn code(&self) -> Option<Code> {
        let parts = self.name.split_once('-');
        let (code, _) = parts.expect("folders are named CODE-what-is-wrong");
        (code != "SPOA000").then(|| code.parse().expect("a code"))
    }

    /// The HAProxy that it is read for: its file `haproxy` says which, else it is 3.2.
    pub fn series(&self) -> Series {
        let said = self.contents.get(Path::new("haproxy"));
        let said = said.map_or("3.2", |text| text.trim());
        said.parse().expect("a series")
    }

    /// Whether it is for HAProxy before 3.1, and only for that.
    pub fn before_3_1(&self) -> bool {
        self.series() <= Series::V3_0
    }

    /// Returns the findings in the files of the case, and the configuration.
    pub fn findings(&self) -> (Vec<Finding>, Configuration) {
        findings(&self.contents, Some(self.series()))
    }

    /// The ways to fix it: each file whose name begins with `fix`.
    pub fn fixes(&self) -> Vec<Fix> {
        let files = self.contents.iter();
        let files = files.filter(|(path, _)| path.to_string_lossy().starts_with("fix"));
        files
            .map(|(path, text)| Fix::apply(&self.name, path, text, &self.contents))
            .collect()
    }

    /// The value of a variable with which a request passes.
    pub fn good(&self, name: &str) -> String {
        let said = self.contents.get(Path::new("answers"));
        let mut lines = said.map_or("", String::as_str).lines();
        let said = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        said.unwrap_or(good(name)).to_owned()
    }
}

/// The agent of a case: the one that all ask, but for its files `handlers`, `listen` and `tls`.
pub fn agent_of(contents: &Contents) -> Agent {
    let mut agent = agent();
    if let Some(handlers) = contents.get(Path::new("handlers")) {
        agent.messages = handlers::parse(handlers);
    }
    if let Some(listen) = contents.get(Path::new("listen")) {
        agent.listeners = listen.split_whitespace().map(str::to_owned).collect();
    }
    if let Some(certificate) = contents.get(Path::new("tls")) {
        let mut words = certificate.split_whitespace();
        agent.tls = Some(Tls {
            certificate: words.next().unwrap_or_default().into(),
            mutual: words.next() == Some("mutual"),
        });
    }
    agent
}

/// A file of another case.
fn text_of(case: &str, path: &Path) -> String {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spoa-config/tests/doctor");
    let mut path = all.join(case).join(path);
    // `spoe/iprep.conf = SPOA000-nothing/spoe.conf` takes one of another name.
    if case.contains('/') {
        path = all.join(case);
    }
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the findings of `doctor` in these files.
pub fn findings(contents: &Contents, series: Option<Series>) -> (Vec<Finding>, Configuration) {
    let around = Surroundings {
        series,
        environment: &|_| None,
    };
    let there = |path: &&&str| contents.contains_key(Path::new(path));
    let paths = ["haproxy.cfg", "spoe.conf", "etc/haproxy.cfg"];
    let paths: Vec<_> = paths.iter().filter(there).collect();
    let configuration =
        Configuration::read(&paths, &InMemory(contents), &around).expect("it can be read");
    let agent = agent_of(contents);
    let is_known = !contents.contains_key(Path::new("unknown-agent"));
    let findings = examine(is_known.then_some(&agent), &configuration, series);
    (findings, configuration)
}

/// Files that are read already, as the directory that HAProxy is started in.
struct InMemory<'a>(&'a Contents);

impl Files for InMemory<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn list(&self, _: &Path) -> Option<Vec<PathBuf>> {
        None
    }
}
