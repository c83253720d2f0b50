//! `doctor` finds nothing in any configuration that `config` writes, and HAProxy accepts it without a warning.

mod messages;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use spoa_config::doctor::{examine, render};
use spoa_config::read::{Configuration, Files, Surroundings};
use spoa_config::write::{Cache, Fail, Options, write};
use spoa_config::{Agent, Series, Tls};
use spoa_tests::{Directory, TempDir, haproxies};

use messages::{KINDS, Kind, messages};

/// Where the agent is, as its HAProxy reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    One,
    Fleet,
    /// Of which a key chooses one.
    Sticky,
    /// Behind a HAProxy that keeps answers.
    Cached,
    Unix,
    Tls,
    Mutual,
}

const PLACES: [Place; 6] = [
    Place::One,
    Place::Fleet,
    Place::Sticky,
    Place::Unix,
    Place::Tls,
    Place::Mutual,
];

/// How the files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Usual,
    Shown,
    Ruled,
    Parts,
}

const FORMS: [Form; 4] = [Form::Usual, Form::Shown, Form::Ruled, Form::Parts];

/// Rules of a site that read what the agent says.
fn rules(kind: Kind) -> String {
    // HAProxy warns of this one after an `http-request` rule.
    let mut rules =
        "    bind 127.0.0.1:8080\n    tcp-request content set-var(txn.seen) bool(true)\n"
            .to_owned();
    for variable in messages(kind).iter().flat_map(|it| &it.variables) {
        let name = format!("{}.edge_auth.{}", variable.scope, variable.name);
        rules.push_str(&format!(
            "    http-after-response set-header x-{} %[var({name})] if {{ var({name}) -m found }}\n",
            variable.name.replace('_', "-")
        ));
    }
    format!("{rules}    default_backend shop\n\nbackend shop\n    http-request return status 200\n")
}

/// All kinds in all forms, failing open and closed; and all places.
fn combinations() -> Vec<(Kind, Place, Form, Fail)> {
    let mut all = Vec::new();
    for fail in [Fail::Open, Fail::Closed] {
        for kind in KINDS {
            for form in FORMS {
                // Without the backend of the servers, the rules of a verdict for it are a comment.
                let whole = matches!(form, Form::Usual | Form::Shown);
                if whole || kind != Kind::Backends {
                    all.push((kind, Place::One, form, fail));
                }
            }
        }
        for place in PLACES {
            all.push((Kind::Plain, place, Form::Usual, fail));
        }
        for form in FORMS {
            all.push((Kind::Numbers, Place::Cached, form, fail));
        }
    }
    all
}

/// A folder as the directory that HAProxy is started in.
struct Folder<'a>(&'a Path);

impl Files for Folder<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }

    fn list(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let entries = fs::read_dir(self.0.join(path)).ok()?;
        Some(entries.flatten().map(|entry| entry.path()).collect())
    }
}

/// Writes the files; what `doctor` says of them.
fn said(dir: &Path, series: Series, kind: Kind, place: Place, form: Form, fail: Fail) -> String {
    let mut agent = Agent {
        name: "edge-auth".to_owned(),
        messages: messages(kind),
        listeners: vec!["127.0.0.1:12345".to_owned()],
        max_frame_size: 1 << 20,
        ..Agent::default()
    };
    let mut options = Options {
        fail,
        show: form == Form::Shown,
        rules: (form == Form::Ruled).then(|| rules(kind)),
        bind: vec!["127.0.0.1:8080".to_owned()],
        ..Options::new(series)
    };
    match place {
        Place::One => {}
        Place::Fleet | Place::Sticky => {
            let servers = ["10.0.0.1:12345", "10.0.0.2:12345"];
            options.servers = servers.map(str::to_owned).to_vec();
            if place == Place::Sticky && series >= Series::V3_2 {
                let key = if kind == Kind::Session {
                    "src"
                } else {
                    "req.hdr(x-user)"
                };
                options.sticky = Some(key.to_owned());
            }
        }
        Place::Cached => {
            options.cache = Some(Cache {
                key: "req.hdr(x-user)".to_owned(),
                time: Duration::from_secs(5),
            });
        }
        Place::Unix => agent.listeners = vec!["unix@/run/agent.sock,mode=666".to_owned()],
        Place::Tls | Place::Mutual => {
            agent.tls = Some(Tls {
                certificate: "agent.crt".to_owned(),
                mutual: place == Place::Mutual,
            });
            options.crt = (place == Place::Mutual).then(|| "own.pem".to_owned());
        }
    }
    let written = write(&agent, &options).expect("it can be written");
    let haproxy = match form {
        Form::Parts => format!(
            "defaults\n    mode http\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n\
             \nfrontend www\n    bind 127.0.0.1:8080\n{}    default_backend shop\n\nbackend shop\n    \
             http-request return status 200\n\n{}",
            written.frontend, written.backend
        ),
        _ => written.haproxy,
    };
    fs::write(dir.join("spoe.conf"), &written.spoe).expect("it is written");
    fs::write(dir.join("haproxy.cfg"), &haproxy).expect("it is written");
    let around = Surroundings {
        series: Some(series),
        environment: &|_| None,
    };
    let read =
        Configuration::read(&["haproxy.cfg"], &Folder(dir), &around).expect("it can be read");
    render(&examine(&agent, &read, Some(series)), &read.sources, false)
}

#[test]
fn doctor_has_no_findings_in_files_that_config_writes() {
    let dir = TempDir::new();
    let mut wrong = Vec::new();
    for series in Series::ALL {
        for (kind, place, form, fail) in combinations() {
            let said = said(dir.path(), series, kind, place, form, fail);
            let mut lines = said.lines();
            let finding = |line: &str| {
                ["error[", "warning[", "note["]
                    .iter()
                    .any(|it| line.starts_with(it))
            };
            if lines.any(finding) {
                wrong.push(format!(
                    "{series} {kind:?} {place:?} {form:?} {fail:?}:\n{said}"
                ));
            }
        }
    }
    let first: Vec<_> = wrong.iter().take(5).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} combinations, the first:\n{}",
        wrong.len(),
        first.join("\n")
    );
}

#[test]
fn haproxy_accepts_the_files_of_config_without_a_warning() {
    let dir = TempDir::new();
    for haproxy in haproxies() {
        let (major, minor) = haproxy.series();
        let series: Series = format!("{major}.{minor}").parse().expect("a known series");
        for (kind, place, form, fail) in combinations() {
            if matches!(place, Place::Tls | Place::Mutual) {
                // Files of certificates are another test's.
                continue;
            }
            said(dir.path(), series, kind, place, form, fail);
            let path = dir.path().to_str().expect("its path is text");
            let checked = Directory::new(path, "127.0.0.1:0").check(haproxy);
            assert!(
                checked.is_empty() || checked == "Configuration file is valid",
                "{haproxy} {kind:?} {place:?} {form:?} {fail:?}: {checked}"
            );
        }
    }
}
