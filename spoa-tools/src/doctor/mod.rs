//! `doctor`: what is wrong between a configuration of HAProxy and an agent.

mod diagnosis;

pub use diagnosis::{Diagnosis, check};

use crate::CommandOutput;
use crate::command::{Command, CommandInput, CommandOption as Opt, Operands};
use crate::haproxy::Haproxy;
use crate::terminal::Paint;
use spoa_config::doctor::Code;
use spoa_config::{Agent, Series};
use std::path::PathBuf;

/// The options of `doctor`.
///
/// ```
/// use spoa_tools::command::CommandInput;
/// use spoa_tools::doctor::Doctor;
///
/// let doctor = Doctor::read(&CommandInput::default().option("explain", "SPOA020"));
/// let outcome = doctor.perform(None)?;
/// assert!(outcome.text.starts_with("SPOA020: "));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doctor {
    paths: Vec<PathBuf>,
    series: Option<Series>,
    json: bool,
    explain: Option<Code>,
}

impl Doctor {
    /// The command as plain data.
    pub const COMMAND: Command = Command {
        name: "doctor",
        summary: "Find mistakes in HAProxy's configuration",
        options: &[
            Opt::text(
                "haproxy",
                "VERSION",
                "HAProxy that must accept the files, such as 3.0",
            )
            .default("the one found")
            .check(|text| {
                text.parse::<Series>()
                    .map(drop)
                    .map_err(|error| error.to_string())
            }),
            Opt::flag("json", "Output as JSON"),
            Opt::text(
                "explain",
                "CODE",
                "Explanation of a finding, such as SPOA010",
            )
            .check(|text| {
                text.parse::<Code>()
                    .map(drop)
                    .map_err(|error| error.to_string())
            }),
        ],
        operands: Some(Operands {
            name: "FILE",
            help: "haproxy.cfg, or a directory of *.cfg as for `haproxy -f`",
            required: true,
            unless: "explain",
        }),
        notes: "`doctor` finds SPOE files by the filters that name them; you can also name them yourself.\n\
                The exit status is 0 for notes or nothing, 1 for warnings, 3 for errors, and 2 if a file \
                cannot\nbe read. Colours are for terminals only, and off if NO_COLOR is set.",
    };

    /// Reads what the command line gives.
    #[must_use]
    pub fn read(given: &CommandInput) -> Self {
        Doctor {
            paths: given.paths(),
            series: given.text("haproxy").and_then(|text| text.parse().ok()),
            json: given.has("json"),
            explain: given.text("explain").and_then(|text| text.parse().ok()),
        }
    }

    /// Compares the files with an agent, or without one checks what needs no handlers.
    ///
    /// # Errors
    /// A line for the user: a file cannot be read.
    pub fn perform(&self, agent: Option<&Agent>) -> Result<CommandOutput, String> {
        if let Some(code) = self.explain {
            let (summary, explanation) = (code.summary(), code.explanation());
            return Ok(CommandOutput {
                text: format!("{code}: {summary}\n\n{explanation}"),
                ..CommandOutput::default()
            });
        }
        let series = self.series.or_else(|| {
            let found = Haproxy::find(None).ok();
            found.map(|haproxy| haproxy.series)
        });
        let diagnosis = check(&self.paths, agent, series)?;
        Ok(CommandOutput {
            text: if self.json {
                format!("{:#}\n", diagnosis.json())
            } else {
                diagnosis.text(Paint::of(&std::io::stdout()))
            },
            status: diagnosis.status(),
            ..CommandOutput::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use spoa_config::Message;

    /// Reads `--name=value`, `--json` and files.
    fn doctor(line: &[&str]) -> Doctor {
        let given = line.iter().fold(CommandInput::default(), |given, word| {
            match word.strip_prefix("--").map(|word| word.split_once('=')) {
                Some(Some((name, value))) => given.option(name, value),
                Some(None) => given.flag("json"),
                None => given.operand(word),
            }
        });
        Doctor::read(&given)
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

    /// Returns the outcome for a file with this text.
    fn said(name: &str, text: &str, line: &[&str]) -> CommandOutput {
        let directory = std::env::temp_dir().join(format!("spoa-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        let line: Vec<_> = line
            .iter()
            .copied()
            .chain([path.to_str().unwrap()])
            .collect();
        let said = doctor(&line).perform(Some(&agent())).unwrap();
        let directory = format!("{}/", directory.display());
        CommandOutput {
            text: said.text.replace(&directory, ""),
            ..said
        }
    }

    #[test]
    fn a_fault_is_shown_at_its_place_and_sets_the_exit_status() {
        let text = "frontend www\n    filter spoe engine iprep\n";
        let found = said("fault.cfg", text, &["--haproxy=3.2"]);
        assert_eq!(found.status, 3);
        let expected = "\
error[SPOA002]: this filter names no SPOE file
 --> fault.cfg:2:5
  |
2 |     filter spoe engine iprep
  |     ^^^^^^^^^^^^^^^^^^^^^^^^ `config FILE` is missing
  |
  = help: write `config /etc/haproxy/spoe.conf` at its end

1 error. For more about a code, run `doctor --explain SPOA002`.
";
        assert_eq!(found.text, expected);
    }

    #[test]
    fn findings_can_be_printed_as_json() {
        let text = "frontend www\n    bind :80\n";
        let found = said("json.cfg", text, &["--haproxy=3.2", "--json"]);
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
    fn a_configuration_without_findings_is_reported() {
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
            &["--haproxy=3.0"],
        );
        let text = "no problems found in nothing.cfg, nothing.conf (HAProxy 3.0)\n";
        assert_eq!((found.text.as_str(), found.status), (text, 0));
    }

    #[test]
    fn without_a_version_doctor_names_the_checks_that_it_leaves_out() {
        let directory = std::env::temp_dir().join(format!("spoa-doctor-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("version.cfg");
        std::fs::write(&path, "frontend www\n    bind :80\n").unwrap();
        let path = [path];
        for (series, left_out) in [(None, true), (Some(Series::V3_2), false)] {
            let diagnosis = check(&path, Some(&agent()), series).unwrap();
            let text = diagnosis.text(Paint::PLAIN);
            assert_eq!(text.contains("(SPOA016, SPOA026, "), left_out, "{text}");
            let json = diagnosis.json();
            assert_eq!(json["left_out"] != json!([]), left_out, "{json}");
        }
        let good = check(&path, Some(&agent()), None);
        let good = good.unwrap().without_findings();
        let text = good.text(Paint::PLAIN);
        assert!(
            text.contains("(any version of HAProxy)\nNo HAProxy was found"),
            "{text}"
        );
    }

    #[test]
    fn the_last_line_names_the_worst_level() {
        // A note comes first.
        let text = "frontend www\n    filter spoe engine one config one.conf\n    \
                    filter spoe engine two\n";
        let spoe = "[one]\nspoe-agent one\n";
        said("one.conf", spoe, &[]);
        let found = said("worst.cfg", text, &["--haproxy=3.2"]);
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
    fn a_file_that_is_not_a_configuration_has_a_finding() {
        for (name, text, code) in [
            (
                "garbage.cfg",
                "garbage\n",
                "error[SPOA008]: `garbage` does not begin a section",
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
        let error = doctor(&["/bin/sh"]).perform(Some(&agent())).unwrap_err();
        assert_eq!(error, "cannot read `/bin/sh`: the file is not text");
        let nothing = doctor(&["/proc/self/task"]).perform(Some(&agent()));
        assert!(nothing.unwrap_err().contains("`*.cfg`"));
    }

    #[test]
    fn a_code_is_explained_without_files() {
        let said = doctor(&["--explain=spoa020"]).perform(Some(&agent()));
        let said = said.unwrap();
        assert!(said.text.starts_with("SPOA020: no rule sends a group\n\n"));
        assert_eq!(said.status, 0);
        let check = Doctor::COMMAND
            .options
            .iter()
            .find(|it| it.long == "explain");
        let error = (check.unwrap().check)("E0308").unwrap_err();
        assert!(
            error.contains("`E0308` is not a code of `doctor`"),
            "{error}"
        );
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let error = doctor(&["/no/such.cfg"]).perform(Some(&agent()));
        let error = error.unwrap_err();
        assert!(error.starts_with("cannot read `/no/such.cfg`: "), "{error}");
    }
}
