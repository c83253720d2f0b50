//! The order of steps, against the order that HAProxy itself has shown.

use super::super::engine::{Engine, rules};
use super::*;
use crate::Agent;
use crate::read::{Configuration, Disk, Surroundings};

/// Returns the labels of the steps, as the converter `debug(LABEL,stdout)` has them.
fn labels(path: &Path<'_>) -> Vec<String> {
    let label = |text: &str| {
        let (_, rest) = text.split_once("debug(")?;
        Some(rest.split_once(',')?.0.to_owned())
    };
    let of_words = |line: &Line| line.words.iter().find_map(|word| label(&word.text));
    let steps = path.steps.iter();
    steps
        .filter_map(|step| match step.message {
            Some(sent) => sent.section.lines.iter().find_map(of_words),
            None => of_words(step.line),
        })
        .collect()
}

#[test]
fn the_order_is_that_of_haproxy() {
    let all = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/order");
    let around = Surroundings {
        series: None,
        environment: &|_| None,
    };
    let file = all.join("haproxy.cfg");
    let configuration = Configuration::read(&[file], &Disk, &around).unwrap();
    let agent = Agent::default();
    let engines = Engine::all(&configuration, &agent);
    let rules = rules(&configuration);
    let paths = paths(&configuration, &agent, &engines, &rules);
    for name in ["frontend", "listen"] {
        let expected = std::fs::read_to_string(all.join(name)).unwrap();
        let expected: Vec<_> = expected.lines().collect();
        let path = paths
            .iter()
            .find(|path| {
                let section = path.frontend.and_then(|at| configuration.sections.get(at));
                section.is_some_and(|it| it.kind() == name && it.title() != "origin")
            })
            .unwrap();
        assert!(path.backend.is_some());
        assert_eq!(labels(path), expected, "{name}");
    }
}
