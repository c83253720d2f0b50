//! `doctor`: what is wrong between HAProxy's configuration and the handlers.
//!
//! It must not know any fault: `spoa_config` finds them.

use super::haproxy::Haproxy;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Value, json};
use spoa_config::doctor::{Code, Finding, Label, Severity, examine, render};
use spoa_config::read::{Configuration, Disk, Sources, Surroundings};
use spoa_config::{Agent, Series};
use std::io::{IsTerminal, stdout};
use std::path::PathBuf;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Doctor {
    paths: Vec<PathBuf>,
    series: Option<Series>,
    json: bool,
    explain: Option<Code>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Diagnosis {
    sources: Sources,
    findings: Vec<Finding>,
    series: Option<Series>,
}

/// What is to be printed, and the exit status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) status: i32,
}

/// The command as clap knows it.
pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Compare a configuration of HAProxy with the handlers, and say what is wrong")
        .arg(
            Arg::new("FILE")
                .num_args(1..)
                .required_unless_present("explain")
                .value_parser(value_parser!(PathBuf))
                .help("haproxy.cfg, or a directory of *.cfg as for `haproxy -f`; the SPOE files are found by its filters, or given here too"),
        )
        .arg(
            Arg::new("haproxy")
                .long("haproxy")
                .value_name("VERSION")
                .value_parser(ValueParser::new(|text: &str| text.parse::<Series>()))
                .help("The HAProxy that is to read it, such as 3.0 [default: the one found]"),
        )
        .arg(super::command::json())
        .arg(
            Arg::new("explain")
                .long("explain")
                .value_name("CODE")
                .action(ArgAction::Set)
                .value_parser(ValueParser::new(|text: &str| text.parse::<Code>()))
                .help("Say more of a finding, such as SPOA010"),
        )
        .after_help(
            "The exit status is 0 if nothing is worse than a note, 1 for warnings, 3 for errors, and 2 \
             if a file\ncannot be read. Colours are for terminals only, and not if NO_COLOR is set.",
        )
}

impl Doctor {
    /// What the command line says.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let paths = matches.get_many::<PathBuf>("FILE").unwrap_or_default();
        Doctor {
            paths: paths.cloned().collect(),
            series: matches.get_one::<Series>("haproxy").copied(),
            json: matches.get_flag("json"),
            explain: matches.get_one::<Code>("explain").copied(),
        }
    }

    /// Does it.
    pub(super) fn perform(&self, agent: &Agent) -> Result<Said, String> {
        if let Some(code) = self.explain {
            let (summary, explanation) = (code.summary(), code.explanation());
            return Ok(Said {
                text: format!("{code}: {summary}\n\n{explanation}"),
                status: 0,
            });
        }
        let series = self.series.or_else(|| {
            let found = Haproxy::find(None).ok();
            found.map(|haproxy| haproxy.series)
        });
        let diagnosis = check(&self.paths, agent, series)?;
        let text = match self.json {
            true => format!("{:#}\n", diagnosis.json()),
            false => diagnosis.text(in_colour()),
        };
        Ok(Said {
            text,
            status: diagnosis.status(),
        })
    }
}

/// Compares the files with an agent.
pub(super) fn check(
    paths: &[PathBuf],
    agent: &Agent,
    series: Option<Series>,
) -> Result<Diagnosis, String> {
    let around = Surroundings {
        series,
        environment: &|name| std::env::var(name).ok(),
    };
    let configuration = Configuration::read(paths, &Disk, &around);
    let configuration = configuration.map_err(|error| error.to_string())?;
    if configuration.sources.iter().next().is_none() {
        return Err("there is no file to read: of a directory HAProxy reads `*.cfg`".to_owned());
    }
    Ok(Diagnosis {
        findings: examine(agent, &configuration, series),
        sources: configuration.sources,
        series,
    })
}

impl Diagnosis {
    /// The findings as a person reads them.
    pub(super) fn text(&self, colours: bool) -> String {
        if !self.findings.is_empty() {
            let found = render(&self.findings, &self.sources, colours);
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
        let paths = paths.join(", ");
        let left_out = self.left_out();
        format!("nothing is wrong between {paths} and the handlers, for {series}\n{left_out}")
    }

    /// Which findings are left out where HAProxy's version is not known, as a line.
    fn left_out(&self) -> String {
        if self.series.is_some() {
            return String::new();
        }
        let codes = Code::OF_VERSIONS.iter().map(|code| code.name());
        let codes: Vec<_> = codes.collect();
        format!(
            "No HAProxy was found, so what depends on its version was left out ({}): name one with \
             `--haproxy 3.2`.\n",
            codes.join(", ")
        )
    }

    /// The worst of them as an exit status.
    pub(super) fn status(&self) -> i32 {
        match self.worst() {
            None | Some(Severity::Note) => 0,
            Some(Severity::Warning) => 1,
            Some(_) => 3,
        }
    }

    /// How bad the worst of them is.
    pub(super) fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    fn json(&self) -> Value {
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
}

/// Whether standard output shows colours.
pub(super) fn in_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stdout().is_terminal() && !set("NO_COLOR") && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa_config::Message;

    fn doctor(line: &[&str]) -> Result<Doctor, clap::Error> {
        let args = ["doctor"].iter().chain(line);
        let matches = command().try_get_matches_from(args)?;
        Ok(Doctor::read(&matches))
    }

    fn agent() -> Agent {
        Agent {
            name: "iprep".to_owned(),
            messages: vec![Message {
                name: "check".to_owned(),
                ..Message::default()
            }],
            listeners: vec!["127.0.0.1:12345".to_owned()],
            ..Agent::default()
        }
    }

    /// What is said of a file with this in it.
    fn said(name: &str, text: &str, line: &[&str]) -> Said {
        let directory = std::env::temp_dir().join(format!("spoa-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        let line: Vec<_> = line
            .iter()
            .copied()
            .chain([path.to_str().unwrap()])
            .collect();
        let said = doctor(&line).unwrap().perform(&agent()).unwrap();
        let directory = format!("{}/", directory.display());
        Said {
            text: said.text.replace(&directory, ""),
            ..said
        }
    }

    #[test]
    fn a_fault_is_shown_where_it_is_and_ends_in_its_status() {
        let text = "frontend www\n    filter spoe engine iprep\n";
        let found = said("fault.cfg", text, &["--haproxy", "3.2"]);
        assert_eq!(found.status, 3);
        let expected = "\
error[SPOA002]: this filter names no SPOE file
 --> fault.cfg:2:5
  |
2 |     filter spoe engine iprep
  |     ^^^^^^^^^^^^^^^^^^^^^^^^ `config FILE` is missing
  |
  = help: write `config /etc/haproxy/spoe.conf` at its end

1 error. `doctor --explain SPOA002` says more, and so for each code.
";
        assert_eq!(found.text, expected);
    }

    #[test]
    fn the_same_is_there_as_json() {
        let text = "frontend www\n    bind :80\n";
        let found = said("json.cfg", text, &["--haproxy", "3.2", "--json"]);
        assert_eq!(found.status, 1);
        let json: Value = serde_json::from_str(&found.text).unwrap();
        assert_eq!(
            (&json["haproxy"], &json["files"]),
            (&json!("3.2"), &json!(["json.cfg"]))
        );
        let finding = &json["findings"][0];
        assert_eq!(finding["code"], "SPOA007");
        assert_eq!(finding["severity"], "warning");
        let place = &finding["place"];
        assert_eq!((&place["line"], &place["column"]), (&json!(1), &json!(1)));
        assert_eq!(place["text"], "frontend www");
    }

    #[test]
    fn nothing_wrong_is_said_too() {
        let agents = "backend a\n option spop-check\n timeout connect 5s\n timeout server 3m\n \
                      server s 127.0.0.1:12345 check\n";
        let front = "global\n default-path config\nfrontend www\n filter spoe engine iprep config nothing.conf\n";
        let spoe = "[iprep]\nspoe-agent iprep\n messages check\n use-backend a\n \
                    option set-on-error error\n option var-prefix iprep\n timeout processing 9s\n \
                    timeout hello 9s\n timeout idle 9s\n\
                    spoe-message check\n event on-client-session\n";
        said("nothing.conf", spoe, &[]);
        let found = said(
            "nothing.cfg",
            &format!("{front}{agents}"),
            &["--haproxy", "3.0"],
        );
        let text = "nothing is wrong between nothing.cfg, nothing.conf and the handlers, for HAProxy 3.0\n";
        assert_eq!((found.text.as_str(), found.status), (text, 0));
    }

    #[test]
    fn without_a_version_it_says_what_is_left_out() {
        let directory = std::env::temp_dir().join(format!("spoa-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("version.cfg");
        std::fs::write(&path, "frontend www\n    bind :80\n").unwrap();
        let path = [path];
        for (series, left_out) in [(None, true), (Some(Series::V3_2), false)] {
            let diagnosis = check(&path, &agent(), series).unwrap();
            let text = diagnosis.text(false);
            assert_eq!(text.contains("(SPOA037, SPOA050, "), left_out, "{text}");
            let json = diagnosis.json();
            assert_eq!(json["left_out"] != json!([]), left_out, "{json}");
        }
        let good = Diagnosis {
            findings: Vec::new(),
            ..check(&path, &agent(), None).unwrap()
        };
        let text = good.text(false);
        assert!(
            text.contains("for any version of HAProxy\nNo HAProxy was found"),
            "{text}"
        );
    }

    #[test]
    fn the_last_line_names_the_worst() {
        // A note comes first.
        let text = "frontend www\n    filter spoe engine one config one.conf\n    \
                    filter spoe engine two\n";
        let spoe = "[one]\nspoe-agent one\n";
        said("one.conf", spoe, &[]);
        let found = said("worst.cfg", text, &["--haproxy", "3.2"]);
        let last = found.text.lines().last().unwrap();
        assert!(last.contains("error"), "{last}");
        let worst = found
            .text
            .split("error[")
            .nth(1)
            .and_then(|rest| rest.get(..7));
        assert!(
            last.contains(&format!("--explain {}`", worst.unwrap())),
            "{last}"
        );
    }

    #[test]
    fn what_is_no_configuration_is_not_called_right() {
        for (name, text, code) in [
            (
                "garbage.cfg",
                "garbage\n",
                "error[SPOA008]: `garbage` begins no section",
            ),
            (
                "fronted.cfg",
                "fronted www\n    bind :80\n",
                "= help: write `frontend`",
            ),
            ("empty.cfg", "", "warning[SPOA007]"),
            ("global.cfg", "global\n    maxconn 9\n", "warning[SPOA007]"),
        ] {
            let found = said(name, text, &[]);
            assert!(found.text.contains(code), "{}", found.text);
            assert_ne!(found.status, 0, "{name}");
        }
        let error = doctor(&["/bin/sh"]).unwrap().perform(&agent()).unwrap_err();
        assert_eq!(
            error,
            "cannot read `/bin/sh`: it is no text, so no configuration of HAProxy"
        );
        let nothing = doctor(&["/proc/self/task"]).unwrap().perform(&agent());
        assert!(nothing.unwrap_err().contains("`*.cfg`"));
    }

    #[test]
    fn a_code_is_explained_without_files() {
        let said = doctor(&["--explain", "spoa020"]).unwrap().perform(&agent());
        let said = said.unwrap();
        assert!(said.text.starts_with("SPOA020: no rule sends a group\n\n"));
        assert_eq!(said.status, 0);
        let error = doctor(&["--explain", "E0308"]).unwrap_err().to_string();
        assert!(
            error.contains("`E0308` is not a code of `doctor`"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = doctor(&["/no/such.cfg"]).unwrap().perform(&agent());
        let error = error.unwrap_err();
        assert!(error.starts_with("cannot read `/no/such.cfg`: "), "{error}");
        assert!(doctor(&[]).is_err());
    }
}
