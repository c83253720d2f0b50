//! Finds the faults between a configuration and the handlers of an agent.
//!
//! HAProxy loads most of these faults silently. Each finding has a [`Code`], whose
//! explanation says what it means, why it hurts and how to fix it.

mod checks;
mod code;
mod engine;
mod finding;
mod grammar;
mod page;
mod render;
mod rule;
mod severity;
mod steps;
mod variables;

pub use code::{Code, Reaction, UnknownCode};
pub use finding::{Finding, Label};
pub use page::page;
pub use render::render;
pub use severity::Severity;

use crate::read::{Configuration, Line, Word};
use crate::{Agent, Series};
use engine::{Engine, GroupRule};
use steps::Path;

/// Compares a configuration with an agent. Without an agent, it checks everything that needs no handlers.
/// Findings are in the order of the files.
///
/// With a series, it also checks what that HAProxy knows.
///
/// ```
/// use spoa_config::doctor::{Code, examine, render};
/// use spoa_config::read::{Configuration, Disk, Surroundings};
/// use spoa_config::{Agent, Series};
/// # let directory = std::env::temp_dir().join(format!("spoa-doctor-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # std::env::set_current_dir(&directory).unwrap();
/// # std::fs::write("haproxy.cfg", "frontend www\n  filter spoe engine e config spoe.conf\n").unwrap();
///
/// let series = Some(Series::V3_2);
/// let around = Surroundings { series, environment: &|_| None };
/// let configuration = Configuration::read(&["haproxy.cfg"], &Disk, &around).unwrap();
/// let findings = examine(&Agent::default(), &configuration, series);
///
/// assert_eq!(findings[0].code, Code::FileMissing);
/// let text = render(&findings, &configuration.sources, false);
/// assert!(text.contains("--> haproxy.cfg:2:31"), "{text}");
/// ```
#[must_use]
pub fn examine<'a>(
    agent: impl Into<Option<&'a Agent>>,
    configuration: &Configuration,
    series: Option<Series>,
) -> Vec<Finding> {
    let agent = agent.into();
    let is_known = agent.is_some();
    let agent = agent.map_or_else(unknown, |agent| with_signs(agent, configuration));
    let agent = &agent;
    let rules = engine::rules(configuration);
    let engines = Engine::all(configuration, agent);
    let case = Case {
        agent,
        is_known,
        configuration,
        series,
        paths: steps::paths(configuration, agent, &engines, &rules),
        engines,
        rules: &rules,
    };
    let mut findings = Vec::new();
    for check in checks::ALL {
        check(&case, &mut findings);
    }
    findings.retain({
        let all = findings.clone();
        move |finding| !follows(finding, &all)
    });
    // An engine that two filters name is checked twice.
    let mut different: Vec<Finding> = Vec::new();
    for finding in findings {
        if !different.contains(&finding) {
            different.push(finding);
        }
    }
    different.sort_by_key(|finding| (finding.primary.span, finding.code));
    different
}

/// Returns whether another finding says more about the place of this one.
fn follows(finding: &Finding, all: &[Finding]) -> bool {
    let own = finding.primary.span;
    let overlaps = |other: &&Finding| {
        let span = other.primary.span;
        let apart = span.end <= own.start || own.end <= span.start;
        other.code != finding.code && span.source == own.source && !apart
    };
    finding.code == Code::SampleMayLack && all.iter().any(|other| overlaps(&other))
}

/// Returns an agent that stands for any: it answers every message.
fn unknown() -> Agent {
    Agent {
        fallback: true,
        ..Agent::default()
    }
}

/// Returns the agent, with the signs of success that a configuration asks it for as variables.
fn with_signs(agent: &Agent, configuration: &Configuration) -> Agent {
    let mut agent = agent.clone();
    let sections = configuration.spoe.iter().flat_map(|file| &file.sections);
    for section in sections.filter(|section| section.kind() == "spoe-message") {
        let mut args = section.lines.iter().filter(|line| line.word(0) == "args");
        let sign = args.next().and_then(|line| {
            let sign = line.word(1).strip_prefix(crate::ANSWERED)?;
            let variable = sign.strip_prefix("=str(")?.strip_suffix(')')?;
            variable.split_once('.')
        });
        let mut messages = agent.messages.iter_mut();
        let message = messages.find(|it| it.name == section.title());
        if let (Some((scope, name)), Some(message)) = (sign, message) {
            message.variables.push(crate::Variable {
                scope: scope.to_owned(),
                name: name.to_owned(),
                rust_type: Some("bool".to_owned()),
                presence: crate::Presence::Always,
            });
        }
    }
    agent
}

/// The configuration and the agent that are examined.
#[derive(Debug)]
struct Case<'a> {
    agent: &'a Agent,
    /// Whether the agent is known. Otherwise `agent` answers every message, with unknown handlers.
    is_known: bool,
    configuration: &'a Configuration,
    series: Option<Series>,
    engines: Vec<Engine<'a>>,
    rules: &'a [GroupRule<'a>],
    /// The ways of requests through it, step by step.
    paths: Vec<Path<'a>>,
}

impl<'a> Case<'a> {
    /// Returns the engines whose filters share the section of an agent, this one among them.
    fn sharing<'s>(&'s self, engine: &Engine<'a>) -> impl Iterator<Item = &'s Engine<'a>> {
        let agent = engine.agent;
        self.engines
            .iter()
            .filter(move |other| std::ptr::eq(other.agent, agent))
    }

    /// Returns the engines that ask this agent.
    fn ours(&self) -> impl Iterator<Item = &Engine<'a>> {
        self.engines.iter().filter(|engine| engine.ours)
    }

    /// Returns whether HAProxy sets a variable itself, by an option of an engine such as `set-on-error`.
    fn is_own(&self, variable: &str) -> bool {
        self.engines.iter().any(|engine| {
            let mut own = engine.own();
            own.any(|word| engine.variable("txn", &word.text) == variable)
        })
    }

    /// Returns whether requests of HTTP, not connections, go this way.
    fn is_http(&self, path: &Path<'_>) -> bool {
        let proxy = path.frontend.or(path.backend);
        let mode = proxy.and_then(|proxy| {
            let mut lines = self.configuration.lines(proxy);
            let line = lines.find(|line| line.word(0) == "mode")?;
            Some(line.word(1))
        });
        mode == Some("http")
    }

    /// Returns the handler of a message.
    fn handler(&self, message: &str) -> Option<&'a crate::Message> {
        self.agent.messages.iter().find(|it| it.name == message)
    }

    /// Returns whether HAProxy is older than 3.1: `None` if it is not known.
    fn before_3_1(&self) -> Option<bool> {
        self.series.map(|series| series <= Series::V3_0)
    }

    /// Returns the mode of a proxy, by its own lines or its defaults; `None` if that is not certain.
    fn mode(&self, proxy: usize) -> Option<&'a str> {
        let mut next = Some(proxy);
        while let Some(at) = next {
            let section = self.configuration.sections.get(at)?;
            if !section.head.certain {
                return None;
            }
            let mut modes = section.lines.iter().filter(|line| line.begins(&["mode"]));
            if let Some(line) = modes.next_back() {
                let word = line
                    .words
                    .get(1)
                    .filter(|word| word.known && line.certain)?;
                return Some(&word.text);
            }
            next = self.configuration.defaults(at);
        }
        // A proxy without `defaults` may have them in a file that is not given.
        self.configuration.defaults(proxy).map(|_| "tcp")
    }

    /// Returns whether the connections of a proxy certainly stay TCP: it is of `mode tcp`, and no rule and no backend
    /// makes them HTTP.
    fn stays_tcp(&self, proxy: usize) -> bool {
        let backends = self.backends_by_mode(proxy);
        self.may_stay_tcp(proxy) && backends.into_iter().all(|mode| mode == Some("tcp"))
    }

    /// Returns whether the connections of a proxy may stay TCP: it may lead to other backends than those that are
    /// known.
    fn may_stay_tcp(&self, proxy: usize) -> bool {
        let ends = |line: &Line| {
            line.word(0) == "disabled" || line.words.iter().any(|word| word.text == "switch-mode")
        };
        let mut lines = self.configuration.lines(proxy);
        let backends = self.backends_by_mode(proxy);
        self.mode(proxy) == Some("tcp")
            && !lines.any(ends)
            && backends
                .into_iter()
                .all(|mode| mode.is_none_or(|mode| mode == "tcp"))
    }

    /// Returns the mode of each backend that a frontend leads to; `None` for one that is not known.
    fn backends_by_mode(&self, proxy: usize) -> Vec<Option<&'a str>> {
        let leads = |line: &Line| matches!(line.word(0), "use_backend" | "default_backend");
        if !self.configuration.lines(proxy).any(leads) {
            return Vec::new();
        }
        let backends = steps::backends(self.configuration, proxy).into_iter();
        backends
            .map(|backend| backend.and_then(|at| self.mode(at)))
            .collect()
    }

    /// Returns the line that says something for a proxy: the last of its own that begins with these words,
    /// else the last of the defaults it takes.
    fn last(&self, proxy: usize, words: &[&str]) -> Option<&'a Line> {
        let mut next = Some(proxy);
        while let Some(at) = next {
            let section = self.configuration.sections.get(at)?;
            let mut lines = section.lines.iter();
            if let Some(line) = lines.rfind(|line| line.begins(words)) {
                return Some(line);
            }
            next = self.configuration.defaults(at);
        }
        None
    }

    /// Returns the words that hold for a server of a proxy: those of `default-server`, from the defaults on,
    /// then those of its own line.
    fn server_words(&self, proxy: usize, line: &'a Line) -> Vec<&'a Word> {
        let mut sections = Vec::new();
        let mut next = Some(proxy);
        while let Some(at) = next {
            sections.extend(self.configuration.sections.get(at));
            next = self.configuration.defaults(at);
        }
        let lines = sections
            .into_iter()
            .rev()
            .flat_map(|section| &section.lines);
        let defaults = lines.filter(|line| line.begins(&["default-server"]));
        let words = defaults.flat_map(|line| line.after(1));
        words.chain(line.after(3)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::read::{Files, Surroundings};
    use std::io;
    use std::path;

    /// A file `haproxy.cfg` and one `spoe.conf` after a line of dashes.
    struct Text<'a>(&'a str);

    impl Files for Text<'_> {
        fn read(&self, path: &path::Path) -> io::Result<Vec<u8>> {
            let mut parts = self.0.split("\n---\n");
            let part = match path.to_str() {
                Some("haproxy.cfg") => parts.next(),
                _ => parts.nth(1),
            };
            let part = part.ok_or(io::ErrorKind::NotFound)?;
            Ok(format!("{part}\n").into_bytes())
        }

        fn list(&self, _: &path::Path) -> Option<Vec<path::PathBuf>> {
            None
        }
    }

    /// Reads a configuration from its text.
    pub(crate) fn read(text: &str) -> Configuration {
        let around = Surroundings {
            series: Some(Series::V3_2),
            environment: &|_| None,
        };
        Configuration::read(&["haproxy.cfg"], &Text(text), &around).expect("it can be read")
    }
}
