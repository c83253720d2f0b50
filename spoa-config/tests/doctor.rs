//! Each finding on a configuration with just that fault, word for word.
//!
//! A folder of `tests/doctor` is named for the code it shows; 000 is for those without a fault.
//! CONTRIBUTING.md says what else is in it. `DOCTOR=overwrite cargo test` writes what is expected.

use spoa_config::doctor::{Code, examine, page, render};
use spoa_config::read::{Configuration, Files, Surroundings};
use spoa_config::{Series, write};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

mod cases;

use cases::{Fix, agent, all, findings, fragments};

#[test]
fn each_fault_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in all() {
        let (findings, configuration) = case.findings();
        let text = render(&findings, &configuration.sources, false);
        let path = case.folder.join("expected.txt");
        if std::env::var("DOCTOR").is_ok_and(|it| it == "overwrite") {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let mut found: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        found.dedup();
        let wanted: Vec<_> = case.code().into_iter().collect();
        if found != wanted || text != expected {
            wrong.push(format!("## {}\n{text}", case.folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every help is applied to its own case by one of the case's fixes, after which nothing is found.
#[test]
fn every_help_fixes_its_own_case() {
    let mut wrong = Vec::new();
    for case in all() {
        let fixes = case.fixes();
        for fix in &fixes {
            let (found, configuration) = findings(&fix.contents, Some(case.series()));
            if !found.is_empty() {
                let text = render(&found, &configuration.sources, false);
                wrong.push(format!("{}: after it there is still\n{text}", fix.name));
            }
        }
        let (found, _) = case.findings();
        for finding in found {
            if finding.help.is_empty() {
                wrong.push(format!("{}: `{}` has no help", case.name, finding.title));
            }
            for help in &finding.help {
                if let Err(why) = applied(help, &fixes) {
                    wrong.push(format!("{}: \"{help}\": {why}", case.name));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nCONTRIBUTING.md says how to write a file `fix`",
        wrong.join("\n")
    );
}

/// Whether the fixes of a case do what a help says.
fn applied(help: &str, fixes: &[Fix]) -> Result<(), String> {
    let excepted = |what: &str| fixes.iter().any(|fix| fix.exception(what).is_some());
    let fragments: Vec<_> = fragments(help).collect();
    let quoted = |fragment: &&&str| excepted(&format!("`{fragment}`"));
    for fragment in fragments.iter().filter(|fragment| !quoted(fragment)) {
        if !fixes.iter().any(|fix| fix.holds(fragment)) {
            return Err(format!("no file `fix` has `{fragment}`"));
        }
    }
    let adds = |fix: &Fix| match fragments.as_slice() {
        [] => !fix.added.is_empty(),
        fragments => fragments.iter().any(|fragment| fix.adds(fragment)),
    };
    let removes = |fix: &Fix| fix.removes && REMOVES.iter().any(|word| help.contains(word));
    if fixes.iter().any(|fix| adds(fix) || removes(fix)) {
        Ok(())
    } else {
        Err("no file `fix` does it".to_owned())
    }
}

/// How a help says that something is to be removed, or moved.
const REMOVES: [&str; 4] = ["remove", "leave", "take", "move"];

/// The files that `write` has written.
struct Written(write::WrittenConfiguration);

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
fn generated_configurations_have_no_findings() {
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
    let shown: Vec<_> = all().iter().filter_map(cases::Case::code).collect();
    for code in Code::ALL {
        assert!(shown.contains(code), "{code} is shown nowhere");
    }
}

/// `OF_VERSIONS` lists the findings that need the version of HAProxy.
#[test]
fn findings_that_need_a_version_are_listed() {
    let mut needs: Vec<Code> = Vec::new();
    let mut configurations: Vec<_> = all().into_iter().map(|case| case.contents).collect();
    // Faults of some versions only, beside the case of their code.
    for (file, from, to) in [
        (
            "haproxy.cfg",
            "bind 127.0.0.1:8443 proto h2",
            "bind 127.0.0.1:8443 ssl crt site.pem",
        ),
        (
            "spoe.conf",
            "timeout processing",
            "timeout hello soon\n    timeout processing",
        ),
    ] {
        let changed = configurations.iter().find_map(|contents| {
            let text = contents
                .get(Path::new(file))
                .filter(|text| text.contains(from))?;
            let mut changed = contents.clone();
            changed.insert(file.into(), text.replace(from, to));
            Some(changed)
        });
        configurations.push(changed.expect("a case has the line"));
    }
    for contents in &configurations {
        let codes = |series| -> Vec<Code> {
            let (findings, _) = findings(contents, series);
            findings.iter().map(|finding| finding.code).collect()
        };
        let unknown = codes(None);
        let known = Series::ALL
            .into_iter()
            .flat_map(|series| codes(Some(series)));
        needs.extend(known.filter(|code| !unknown.contains(code)));
    }
    needs.sort();
    needs.dedup();
    assert_eq!(Code::OF_VERSIONS, needs, "in the order of the codes");
}

#[test]
fn every_code_is_explained_and_found_by_its_name() {
    for &code in Code::ALL {
        assert_eq!(code.name().to_lowercase().parse(), Ok(code));
        let text = code.explanation();
        for part in ["**At run time.** ", "**To fix it.** ", "```"] {
            assert!(text.contains(part), "{code} has no `{part}`");
        }
    }
    let error = "SPOA999".parse::<Code>().unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "`SPOA999` is not a code of `doctor`: the codes are SPOA001 to {}",
            Code::ALL[Code::ALL.len() - 1]
        )
    );
}

#[test]
fn the_page_of_the_documentation_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/doctor.md");
    if std::env::var("DOCTOR").is_ok_and(|it| it == "overwrite") {
        fs::write(&path, page()).unwrap();
    }
    let (written, wanted) = (fs::read_to_string(path).unwrap_or_default(), page());
    let mut lines = written.lines().zip(wanted.lines());
    let differs = lines.find(|(written, wanted)| written != wanted);
    assert_eq!(
        differs, None,
        "docs/doctor.md differs from the explanations"
    );
    assert_eq!(written.len(), wanted.len());
}
