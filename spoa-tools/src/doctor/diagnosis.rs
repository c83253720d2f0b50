//! The findings in some files, as text, as JSON and as an exit status.

use crate::terminal::Paint;
use serde_json::{Value, json};
use spoa_config::doctor::{Code, Finding, Label, Severity, examine, render};
use spoa_config::read::{Configuration, Disk, Sources, Surroundings};
use spoa_config::{Agent, Series};
use std::path::PathBuf;

/// The findings in some files.
#[derive(Debug)]
pub struct Diagnosis {
    sources: Sources,
    findings: Vec<Finding>,
    series: Option<Series>,
    /// Whether the files were compared with an agent.
    compared: bool,
}

/// Compares files with an agent, or without one checks what needs no handlers.
///
/// # Errors
/// A line for the user: a file cannot be read.
///
/// ```
/// let error = spoa_tools::doctor::check(&["/no/such.cfg".into()], None, None).unwrap_err();
/// assert!(error.starts_with("cannot read `/no/such.cfg`"));
/// ```
pub fn check(
    paths: &[PathBuf],
    agent: Option<&Agent>,
    series: Option<Series>,
) -> Result<Diagnosis, String> {
    let around = Surroundings {
        series,
        environment: &|name| std::env::var(name).ok(),
    };
    let configuration = Configuration::read(paths, &Disk, &around);
    let configuration = configuration.map_err(|error| error.to_string())?;
    if configuration.sources.iter().next().is_none() {
        let named: Vec<_> = paths
            .iter()
            .map(|path| format!("`{}`", path.display()))
            .collect();
        return Err(format!(
            "no `*.cfg` in {}: HAProxy reads no other files of a directory",
            named.join(" and ")
        ));
    }
    Ok(Diagnosis {
        findings: examine(agent, &configuration, series),
        sources: configuration.sources,
        series,
        compared: agent.is_some(),
    })
}

impl Diagnosis {
    /// Returns the findings as a person reads them.
    #[must_use]
    pub fn text(&self, paint: Paint) -> String {
        if !self.findings.is_empty() {
            let found = render(&self.findings, &self.sources, paint.is_on());
            return found + &self.left_out();
        }
        let paths = self
            .sources
            .iter()
            .map(|source| source.path.to_string_lossy());
        let paths: Vec<_> = paths.collect();
        let series = match self.series {
            Some(series) => format!("HAProxy {series}"),
            None => "any version of HAProxy".to_owned(),
        };
        let subject = if self.compared {
            ""
        } else {
            ", compared with no agent"
        };
        format!(
            "no problems found in {} ({series}{subject})\n{}",
            paths.join(", "),
            self.left_out()
        )
    }

    /// Says which checks are left out where the version of HAProxy is not known.
    fn left_out(&self) -> String {
        if self.series.is_some() {
            return String::new();
        }
        let codes = Code::OF_VERSIONS.iter().map(|code| code.name());
        let codes: Vec<_> = codes.collect();
        format!(
            "No HAProxy was found, so the checks that depend on its version were left out ({}): name one \
             with `--haproxy 3.2`.\n",
            codes.join(", ")
        )
    }

    /// Returns the exit status for the worst finding.
    pub(super) fn status(&self) -> u8 {
        match self.worst() {
            None | Some(Severity::Note) => 0,
            Some(Severity::Warning) => 1,
            Some(_) => 3,
        }
    }

    /// Returns the severity of the worst finding.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    pub(super) fn json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "code": finding.code.name(),
                "severity": finding.severity.name(),
                "title": finding.title,
                "place": self.label(&finding.primary),
                "context": finding.context.iter().map(|label| self.label(label)).collect::<Vec<_>>(),
                "notes": finding.notes,
                "help": finding.help,
            })
        });
        json!({
            "haproxy": self.series.map(|series| series.to_string()),
            "left_out": match self.series {
                Some(_) => Vec::new(),
                None => Code::OF_VERSIONS.iter().map(|code| code.name()).collect(),
            },
            "files": self
                .sources
                .iter()
                .map(|source| source.path.to_string_lossy())
                .collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
        })
    }

    fn label(&self, label: &Label) -> Value {
        let start = self.sources.position(label.span);
        let text = self.sources.get(label.span.source);
        let text = text.and_then(|source| source.text.get(label.span.start..label.span.end));
        json!({
            "file": self.sources.path(label.span).to_string_lossy(),
            "line": start.line,
            "column": start.column,
            "text": text,
            "label": label.text,
        })
    }

    #[cfg(test)]
    pub(super) fn without_findings(mut self) -> Self {
        self.findings.clear();
        self
    }
}
