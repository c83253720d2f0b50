//! `doctor` has at least a warning for everything that HAProxy refuses about the SPOE side of a configuration.
//!
//! Sound configurations are changed a little, a word or a line at a time, in every way there is up to a
//! limit; the changes are the same in each run.

use spoa_config::Series;
use spoa_config::doctor::{Severity, examine};
use spoa_config::read::{Configuration, Disk, Surroundings};
use spoa_tests::{Haproxy, TempDir, bounded_or_long, haproxies};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "../../spoa-config/tests/cases/mod.rs"]
mod cases;

const HAPROXY: &str = include_str!("refused_configurations/haproxy.cfg");
const SPOE: &str = include_str!("refused_configurations/spoe.conf");

/// A file after one change, and what was done to it.
struct Change {
    haproxy: String,
    spoe: String,
    what: String,
}

/// A change of a word.
fn words(word: &str) -> Vec<(&'static str, String)> {
    let chars: Vec<char> = word.chars().collect();
    let middle = chars.len() / 2;
    let without: String = chars
        .iter()
        .enumerate()
        .filter_map(|(at, c)| (at != middle).then_some(*c))
        .collect();
    vec![
        ("leave a letter out of", without),
        ("add a dash", format!("{word}-")),
        ("add a number", format!("{word}7")),
        ("add a sign", format!("{word}!")),
        ("replace", "other".to_owned()),
        ("add a backslash", format!("{word} \\")),
        ("delete", String::new()),
        ("double", format!("{word} {word}")),
        ("add a word", format!("{word} other")),
        ("put `no` before", format!("no {word}")),
    ]
}

/// All changes of a text, as texts.
fn changes(text: &str, concerns: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut changed = Vec::new();
    let joined = |lines: &[String]| lines.join("\n") + "\n";
    let owned: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    for (at, line) in lines.iter().enumerate() {
        if line.trim().is_empty() || !concerns(line) {
            continue;
        }
        let place = |what: &str| format!("{what} line {}: `{}`", at + 1, line.trim());
        let mut without = owned.clone();
        without.remove(at);
        changed.push((place("delete"), joined(&without)));
        let mut twice = owned.clone();
        twice.insert(at, owned[at].clone());
        changed.push((place("double"), joined(&twice)));
        if at > 0 {
            let mut swapped = owned.clone();
            swapped.swap(at, at - 1);
            changed.push((place("swap with the line above"), joined(&swapped)));
        }
        let mut last = without.clone();
        last.push(owned[at].clone());
        changed.push((place("move to the end"), joined(&last)));
        let cut: Vec<&str> = line.split_whitespace().collect();
        for (index, word) in cut.iter().enumerate() {
            for (what, changed_word) in words(word) {
                let mut words = cut.clone();
                words[index] = &changed_word;
                let mut other = owned.clone();
                other[at] = format!("    {}", words.join(" "));
                changed.push((place(&format!("{what} `{word}` in")), joined(&other)));
            }
        }
        if cut.len() > 2 {
            let mut words = cut.clone();
            words.swap(1, 2);
            let mut other = owned.clone();
            other[at] = format!("    {}", words.join(" "));
            changed.push((place("swap two words in"), joined(&other)));
        }
    }
    changed.push(("cut the newline off".into(), text.trim_end().to_owned()));
    changed
}

/// All changes of the two files that differ from each other.
fn all() -> Vec<Change> {
    let of_spoe = |line: &str| line.contains("spoe") && !line.contains("spop-check");
    let spoe = changes(SPOE, |_| true)
        .into_iter()
        .map(|(what, spoe)| Change {
            haproxy: HAPROXY.to_owned(),
            spoe,
            what: format!("spoe.conf: {what}"),
        });
    let haproxy = changes(HAPROXY, of_spoe)
        .into_iter()
        .map(|(what, haproxy)| Change {
            haproxy,
            spoe: SPOE.to_owned(),
            what: format!("haproxy.cfg: {what}"),
        });
    let mut seen = BTreeSet::new();
    let differs = |change: &Change| seen.insert((change.haproxy.clone(), change.spoe.clone()));
    spoe.chain(haproxy)
        .filter({
            let mut differs = differs;
            move |change| differs(change)
        })
        .collect()
}

/// Returns HAProxy's message if it refuses a configuration, or crashes.
fn refusal(haproxy: &Haproxy, directory: &TempDir) -> Option<String> {
    let checked = Command::new(haproxy.path())
        .args(["-c", "-f", "haproxy.cfg"])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("HAProxy runs");
    (!checked.status.success()).then(|| String::from_utf8_lossy(&checked.stderr).into_owned())
}

/// The worst that `doctor` finds.
fn worst(directory: &TempDir, series: Series) -> Option<Severity> {
    let around = Surroundings {
        series: Some(series),
        environment: &|_| None,
    };
    let path = |name: &str| directory.path().join(name);
    let paths = [path("haproxy.cfg"), path("spoe.conf")];
    let read = Configuration::read(&paths, &Disk, &around).expect("the files can be read");
    let findings = examine(&cases::agent(), &read, Some(series));
    findings.iter().map(|finding| finding.severity).max()
}

/// The changes that one HAProxy refuses, and those of them that pass here.
struct Compared {
    refused: usize,
    missed: Vec<String>,
}

fn compare(haproxy: &Haproxy, changes: &[&Change]) -> Compared {
    let (major, minor) = haproxy.series();
    let series: Series = format!("{major}.{minor}").parse().expect("a series");
    let next = AtomicUsize::new(0);
    let compared = Mutex::new(Compared {
        refused: 0,
        missed: Vec::new(),
    });
    let work = || {
        let directory = TempDir::new();
        while let Some(change) = changes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let write = |name: &str, text: &str| fs::write(directory.path().join(name), text);
            write("haproxy.cfg", &change.haproxy).expect("written");
            write("spoe.conf", &change.spoe).expect("written");
            let Some(said) = refusal(haproxy, &directory) else {
                continue;
            };
            let found = worst(&directory, series) >= Some(Severity::Warning);
            let mut compared = compared.lock().expect("no thread panics");
            compared.refused += 1;
            if !found {
                let said = said.lines().find(|line| line.contains("ALERT"));
                let said = said.unwrap_or("it crashed");
                compared.missed.push(format!("{}\n    {said}", change.what));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    compared.into_inner().expect("no thread panics")
}

#[test]
fn doctor_finds_the_spoe_configurations_that_haproxy_refuses() {
    let all = all();
    // Each generation has its share of them, or in the long form all.
    let share = bounded_or_long(10, 1);
    let tested: Vec<_> = haproxies()
        .iter()
        .filter(|haproxy| share == 1 || [(2, 6), (3, 4)].contains(&haproxy.series()))
        .collect();
    if tested.is_empty() {
        println!("NOT TESTED HERE: neither HAProxy 2.6 nor 3.4 is there");
    }
    for (index, haproxy) in tested.into_iter().enumerate() {
        let changes: Vec<_> = all.iter().skip(index % share).step_by(share).collect();
        let Compared { refused, missed } = compare(haproxy, &changes);
        println!("{haproxy}: refuses {refused} of {}", changes.len());
        assert!(changes.len() > 80, "{}", changes.len());
        assert!(refused > 50, "only {refused} of {}", changes.len());
        assert!(
            missed.is_empty(),
            "{haproxy}: {} of {refused} refused configurations pass:\n{}",
            missed.len(),
            missed.join("\n")
        );
    }
}
