//! `config`: HAProxy's side of the agent, printed or written to files.
//!
//! It must not know what the lines mean: `spoa_config` writes them.

use super::diff;
use super::haproxy::Haproxy;
use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use spoa_config::write::{Configuration, Fail, Options, Page, Writer, signed, write, writer};
use spoa_config::{Agent, Series};
use spoa_facts::is_unix;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    series: Option<Series>,
    part: Part,
    engine: Option<String>,
    prefix: Option<String>,
    servers: Vec<String>,
    ca_file: Option<String>,
    crt: Option<String>,
    closed: bool,
    verdicts: Vec<String>,
    pages: Vec<Page>,
    rules: Option<PathBuf>,
    bind: Vec<String>,
    show: bool,
    spoe_file: Option<String>,
    output: Option<PathBuf>,
    force: bool,
    diff: bool,
    /// What was asked for, where that is newer than all that is known.
    newer: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    All,
    Spoe,
    Backend,
    Frontend,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// For standard output.
    pub(super) text: String,
    /// For standard error, one line each.
    pub(super) warnings: Vec<String>,
}

/// The command as clap knows it.
pub(super) fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("config")
        .about("Print the configuration of HAProxy for this agent: spoe.conf, backend, frontend")
        .arg(
            option("haproxy", "SERIES", "For this HAProxy and later ones [default: the one found, else the newest]")
                .value_parser(ValueParser::new(|text: &str| {
                    text.parse::<Series>().map(|series| (series, text.to_owned()))
                })),
        )
        .arg(
            option("part", "PART", "Only this part")
                .value_parser(PossibleValuesParser::new(["spoe", "backend", "frontend", "all"]))
                .default_value("all"),
        )
        .arg(option("engine", "NAME", "The name of the engine [default: the agent's]"))
        .arg(option("prefix", "NAME", "What stands in the names of variables [default: the engine's]"))
        .arg(
            option("server", "ADDRESS", "An agent, as HAProxy reaches it; once for each [default: where this one listens]")
                .action(ArgAction::Append),
        )
        .arg(option("ca-file", "FILE", "Who signed the agents' certificates, for HAProxy [default: the file of --tls-cert]"))
        .arg(option("crt", "FILE", "HAProxy's own certificate and key, for agents with --tls-client-ca"))
        .arg(
            option("fail", "HOW", "What becomes of a request without a verdict: open lets it pass, closed denies it")
                .value_parser(PossibleValuesParser::new(["open", "closed"]))
                .default_value("open"),
        )
        .arg(
            option("verdict", "VARIABLE", "What `--fail closed` asks for, such as txn.blocked; once for each [default: the first variable of each message]")
                .action(ArgAction::Append),
        )
        .arg(
            option("page", "STATUS=FILE", "A page for denials with a status, or for challenges: challenge=FILE")
                .value_parser(ValueParser::new(page))
                .action(ArgAction::Append),
        )
        .arg(
            option("rules", "FILE", "Lines of your own for the frontend: its binds, its rules, its default_backend")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            option("bind", "ADDRESS", "Where the frontend listens; once for each [default: :8080]")
                .value_parser(ValueParser::new(bind))
                .action(ArgAction::Append),
        )
        .arg(
            Arg::new("show")
                .long("show")
                .action(ArgAction::SetTrue)
                .help("Show clients the variables in headers, for trying things out"),
        )
        .arg(option("spoe-file", "PATH", "The path of spoe.conf in the filter's line [default: spoe.conf]"))
        .arg(
            option("output", "PATH", "Write files to this directory, or with --part to this file")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Overwrite files that were edited, or not written by this command"),
        )
        .arg(
            Arg::new("diff")
                .long("diff")
                .action(ArgAction::SetTrue)
                .help("Show what --output would change, and change nothing"),
        )
        .after_help(
            "Run it again when handlers change. `--rules` keeps what is yours in a file of its own; \
             what stands\nthere takes the place of the rules that show the variables.",
        )
}

impl Config {
    /// What the command line says.
    pub(super) fn read(matches: &ArgMatches) -> Self {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let texts = |name: &str| {
            let values = matches.get_many::<String>(name).unwrap_or_default();
            values.cloned().collect::<Vec<_>>()
        };
        let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        let series = matches.get_one::<(Series, String)>("haproxy");
        Config {
            series: series.map(|(series, _)| *series),
            newer: series.and_then(|(series, text)| newer(*series, text)),
            part: match text("part").as_deref() {
                Some("spoe") => Part::Spoe,
                Some("backend") => Part::Backend,
                Some("frontend") => Part::Frontend,
                _ => Part::All,
            },
            engine: text("engine"),
            prefix: text("prefix"),
            servers: texts("server"),
            ca_file: text("ca-file"),
            crt: text("crt"),
            closed: text("fail").as_deref() == Some("closed"),
            verdicts: texts("verdict"),
            pages: matches
                .get_many("page")
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            rules: path("rules"),
            bind: texts("bind"),
            show: matches.get_flag("show"),
            spoe_file: text("spoe-file"),
            output: path("output"),
            force: matches.get_flag("force"),
            diff: matches.get_flag("diff"),
        }
    }

    /// Writes it.
    pub(super) fn perform(&self, agent: &Agent) -> Result<Printed, String> {
        self.all_count(agent)?;
        let (series, guessed) = self.series(|| Haproxy::find(None).ok().map(|found| found.series));
        let options = self.options(series)?;
        if self.rules_say(&options, "bind") && !self.bind.is_empty() {
            return Err(
                "option `--bind` changes nothing: the lines of `--rules` have a `bind`".to_owned(),
            );
        }
        let written = write(agent, &options).map_err(|refusal| refusal.to_string())?;
        let text = match &self.output {
            Some(path) if self.diff => self.changes(path, &agent.name, &written)?,
            Some(path) => {
                let said = self.files(path, &agent.name, &written)?;
                format!("{said}{}", self.next(path, &options))
            }
            None => self.text(&written),
        };
        let warnings = written.warnings.iter().map(ToString::to_string);
        let said = self.newer.clone().into_iter().chain(guessed);
        let warnings = said.chain(warnings).collect();
        Ok(Printed { text, warnings })
    }

    /// An error for each option that would change nothing.
    fn all_count(&self, agent: &Agent) -> Result<(), String> {
        let part = |allowed: &[Part]| self.part != Part::All && !allowed.contains(&self.part);
        let all_unix =
            |servers: &[String]| !servers.is_empty() && servers.iter().all(|it| is_unix(it));
        let servers = match self.servers.as_slice() {
            [] => agent.listeners.get(..1).unwrap_or_default(),
            servers => servers,
        };
        let tls = || match &agent.tls {
            None => Some("the agent speaks no TLS: give its `--tls-cert` as well"),
            Some(_) if all_unix(servers) => Some("unix sockets speak no TLS"),
            Some(_) => None,
        };
        let only = |allowed: &'static [Part]| part(allowed).then_some("this part does not need it");
        let options = [
            ("--server", !self.servers.is_empty(), only(&[Part::Backend])),
            (
                "--ca-file",
                self.ca_file.is_some(),
                only(&[Part::Backend]).or_else(tls),
            ),
            (
                "--crt",
                self.crt.is_some(),
                only(&[Part::Backend]).or_else(tls),
            ),
            (
                "--prefix",
                self.prefix.is_some(),
                only(&[Part::Spoe, Part::Frontend]),
            ),
            (
                "--fail closed",
                self.closed,
                only(&[Part::Spoe, Part::Frontend]),
            ),
            (
                "--verdict",
                !self.verdicts.is_empty(),
                (!self.closed)
                    .then_some("it says what `--fail closed` asks for: add that, or leave it out"),
            ),
            (
                "--rules",
                self.rules.is_some(),
                only(&[Part::Spoe, Part::Frontend]),
            ),
            ("--bind", !self.bind.is_empty(), only(&[])),
            (
                "--show",
                self.show,
                only(&[Part::Frontend])
                    .or(self.rules.as_ref().map(|_| "`--rules` says what is shown")),
            ),
            (
                "--spoe-file",
                self.spoe_file.is_some(),
                only(&[Part::Frontend]),
            ),
            (
                "--force",
                self.force,
                self.output
                    .is_none()
                    .then_some("nothing is overwritten without `--output`"),
            ),
            (
                "--diff",
                self.diff,
                self.output
                    .is_none()
                    .then_some("name the files to compare with: `--output`"),
            ),
            (
                "--force",
                self.force,
                self.diff.then_some("with `--diff` nothing is overwritten"),
            ),
        ];
        let ignored = options.into_iter().find_map(|(option, given, why)| {
            let why = why.filter(|_| given)?;
            Some(format!("option `{option}` changes nothing: {why}"))
        });
        ignored.map_or(Ok(()), Err)
    }

    /// Whether a line of the site's own rules begins with a keyword.
    fn rules_say(&self, options: &Options, keyword: &str) -> bool {
        let rules = options.rules.as_deref().unwrap_or_default();
        rules
            .lines()
            .any(|line| line.split_whitespace().next() == Some(keyword))
    }

    /// The series to write for, and what is to be said of it if nobody knows.
    fn series(&self, found: impl FnOnce() -> Option<Series>) -> (Series, Option<String>) {
        match self.series.or_else(found) {
            Some(series) => (series, None),
            None => {
                let newest = newest();
                let said = format!(
                    "no HAProxy was found, so this is for {newest} and later: `--haproxy 2.6` writes \
                     what all of them take"
                );
                (newest, Some(said))
            }
        }
    }

    /// What to do with the files.
    fn next(&self, directory: &Path, options: &Options) -> String {
        if self.part != Part::All {
            return String::new();
        }
        let directory = directory.display();
        let mut next = format!(
            "next, while the agent runs:\n    cd {directory}\n    haproxy -c -f haproxy.cfg\n    \
             haproxy -f haproxy.cfg\n"
        );
        if let (None, Some(bind)) = (&options.rules, options.bind.first()) {
            let address = bind.split([' ', ',']).next().unwrap_or_default();
            let address = match address.rsplit_once(':') {
                Some(("" | "*", port)) => format!("127.0.0.1:{port}"),
                _ => address.to_owned(),
            };
            next.push_str(&format!("    curl -i http://{address}/\n"));
            if !options.show {
                next.push_str(
                    "Your servers see what the agent said, in headers; with `--show` curl sees it, too.\n",
                );
            }
        }
        next
    }

    fn options(&self, series: Series) -> Result<Options, String> {
        let usual = Options::new(series);
        let rules = self.rules.as_deref().map(|path| {
            fs::read_to_string(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        });
        Ok(Options {
            engine: self.engine.clone(),
            prefix: self.prefix.clone(),
            servers: match self.part {
                // These name no server. Where the agent listens may not be known here.
                Part::Spoe | Part::Frontend => vec!["127.0.0.1:1".to_owned()],
                Part::Backend | Part::All => self.servers.clone(),
            },
            ca_file: self.ca_file.clone(),
            crt: self.crt.clone(),
            fail: if self.closed {
                Fail::Closed
            } else {
                Fail::Open
            },
            verdicts: self.verdicts.clone(),
            pages: self.pages.clone(),
            rules: rules.transpose()?,
            show: self.show,
            bind: match self.bind.as_slice() {
                [] => usual.bind,
                bind => bind.to_vec(),
            },
            spoe_file: self.spoe_file.clone().unwrap_or(usual.spoe_file),
            ..usual
        })
    }

    fn text(&self, written: &Configuration) -> String {
        match self.part {
            Part::Spoe => written.spoe.clone(),
            Part::Backend => written.backend.clone(),
            Part::Frontend => written.frontend.clone(),
            Part::All => format!(
                "# ======== spoe.conf ========\n{}\n# ======== haproxy.cfg ========\n{}",
                written.spoe, written.haproxy
            ),
        }
    }

    /// The files to write, with their text.
    fn places(&self, path: &Path, agent: &str, written: &Configuration) -> Vec<(PathBuf, String)> {
        let part = |name: &str, text: &str| vec![(self.place(path, name), text.to_owned())];
        match self.part {
            Part::Spoe => part("spoe.conf", &written.spoe),
            Part::Backend => part("backend.cfg", &signed(agent, &written.backend)),
            Part::Frontend => part("frontend.cfg", &signed(agent, &written.frontend)),
            Part::All => vec![
                (path.join("spoe.conf"), written.spoe.clone()),
                (path.join("haproxy.cfg"), written.haproxy.clone()),
            ],
        }
    }

    /// The file of a part: the path itself if it is that of a file, else a file of this name in it.
    fn place(&self, path: &Path, name: &str) -> PathBuf {
        let is_file = path.is_file() || (path.extension().is_some() && !path.is_dir());
        match is_file {
            true => path.to_owned(),
            false => path.join(name),
        }
    }

    /// What writing the files would change.
    fn changes(&self, path: &Path, agent: &str, written: &Configuration) -> Result<String, String> {
        let mut changes = String::new();
        for (path, text) in self.places(path, agent, written) {
            let there = match fs::read_to_string(&path) {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(format!("cannot read `{}`: {error}", path.display())),
            };
            changes.push_str(&diff::unified(&path.display().to_string(), &there, &text));
        }
        if changes.is_empty() {
            changes.push_str("nothing would change\n");
        }
        Ok(changes)
    }

    fn files(&self, path: &Path, agent: &str, written: &Configuration) -> Result<String, String> {
        let files = self.places(path, agent, written);
        for (path, text) in &files {
            let Ok(there) = fs::read_to_string(path) else {
                continue;
            };
            let whose = match writer(&there) {
                _ if self.force || there == *text => continue,
                Writer::Config => continue,
                Writer::Edited => "has changed since `config` wrote it",
                _ => "is there, and `config` has not written it",
            };
            return Err(format!(
                "`{}` {whose}: `--diff` shows what would change, `--force` overwrites it; what is yours \
                 belongs in the file of `--rules`",
                path.display()
            ));
        }
        let about = |path: &Path, error| format!("cannot write `{}`: {error}", path.display());
        let mut whole = Vec::new();
        for (path, text) in &files {
            if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
                fs::create_dir_all(directory).map_err(|error| about(directory, error))?;
            }
            let file = File::write(path, text).map_err(|error| about(path, error))?;
            whole.push((path, file));
        }
        let mut said = String::new();
        for (path, file) in whole {
            file.put().map_err(|error| about(path, error))?;
            said.push_str(&format!("wrote {}\n", path.display()));
        }
        Ok(said)
    }
}

/// The newest series that is known.
fn newest() -> Series {
    let [.., newest] = Series::ALL;
    newest
}

/// What is to be said of a version that is newer than all that are known.
fn newer(series: Series, text: &str) -> Option<String> {
    let mut numbers = text.split(['.', '-']).map(str::parse::<u16>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return None;
    };
    (series == newest() && series.numbers() < (major, minor)).then(|| {
        format!("HAProxy {text} is newer than all that are known: this is written for {series}")
    })
}

/// A file that is written whole before it takes its place: on a disk that is full, what was there
/// stays.
struct File {
    written: NamedTempFile,
    place: PathBuf,
}

impl File {
    fn write(path: &Path, text: &str) -> io::Result<Self> {
        // What a link leads to is written, not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&place).map(|there| there.permissions());
        // Less the umask, as that of any file.
        let usual = Permissions::from_mode(0o666);
        let mut written = tempfile::Builder::new()
            .prefix(".spoa-config-")
            .permissions(usual)
            .tempfile_in(match place.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            })?;
        written.write_all(text.as_bytes())?;
        let file = written.as_file();
        if let Ok(there) = there {
            file.set_permissions(there)?;
        }
        file.sync_all()?;
        Ok(File { written, place })
    }

    fn put(self) -> io::Result<()> {
        self.written.persist(&self.place)?;
        Ok(())
    }
}

/// What stands behind `bind`: one or more addresses, and whatever else HAProxy takes there.
fn bind(text: &str) -> Result<String, String> {
    let addresses = text.split_whitespace().next().unwrap_or_default();
    let listens = |address: &str| {
        let port = address.rsplit_once(':').map(|(_, port)| port);
        address.starts_with('/')
            || address.contains(['@', '$'])
            || port.is_some_and(|port| port.split('-').all(|port| port.parse::<u16>().is_ok()))
    };
    match addresses.split(',').all(listens) {
        true => Ok(text.to_owned()),
        false => Err("write an address with its port, such as :8080 or 127.0.0.1:8080".to_owned()),
    }
}

/// A page, as `403=denied.html` or `challenge=challenge.html`.
fn page(text: &str) -> Result<Page, String> {
    let page = text.split_once('=').and_then(|(of, file)| {
        let status = match of {
            "challenge" => None,
            status => Some(status.parse().ok()?),
        };
        let file = (!file.is_empty()).then(|| file.to_owned())?;
        Some(Page { status, file })
    });
    page.ok_or_else(|| {
        "write a status and a file, as in 403=denied.html, or challenge=challenge.html".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa_config::Message;

    fn config(line: &[&str]) -> Config {
        let args = ["config"].iter().chain(line);
        Config::read(&command().try_get_matches_from(args).unwrap())
    }

    fn agent() -> Agent {
        Agent {
            name: "waf".to_owned(),
            messages: vec![Message {
                name: "check".to_owned(),
                ..Message::default()
            }],
            listeners: vec!["127.0.0.1:12345".to_owned()],
            ..Agent::default()
        }
    }

    #[test]
    fn options_reach_the_text() {
        let line = [
            "--haproxy=2.6",
            "--part=backend",
            "--engine=e",
            "--server=10.0.0.1:1",
            "--server",
            "10.0.0.2:1",
        ];
        let text = config(&line).perform(&agent()).unwrap().text;
        for line in [
            "backend e-agents\n",
            "    mode tcp\n",
            "    server agent2 10.0.0.2:1\n",
        ] {
            assert!(text.contains(line), "`{line}` is not in:\n{text}");
        }
        let line = ["--haproxy=3.4", "--part=spoe", "--prefix=p"];
        let text = config(&line).perform(&agent()).unwrap().text;
        assert!(text.contains("    option var-prefix p\n"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_a_usage_error() {
        let parse =
            |line: [&str; 2]| command().try_get_matches_from(["config"].iter().chain(&line));
        assert!(parse(["--haproxy", "2.4"]).is_err());
        assert!(parse(["--part", "half"]).is_err());
        assert!(parse(["--fail", "perhaps"]).is_err());
        for address in ["foo", "", "127.0.0.1", ":80,foo", ":x"] {
            assert!(parse(["--bind", address]).is_err(), "{address}");
        }
        for address in [
            ":80 ssl crt a.pem",
            "[::]:80,10.0.0.1:80-90",
            "unix@/a.sock",
            "/a",
            "${ON}",
        ] {
            assert!(parse(["--bind", address]).is_ok(), "{address}");
        }
        let error = config(&["--haproxy=3.4", "--verdict=txn.a"])
            .perform(&agent())
            .unwrap_err();
        assert!(error.contains("`--fail closed`"), "{error}");
    }

    #[test]
    fn a_version_is_of_the_series_before_it_and_none_is_said() {
        let series = |line: &[&str], found| config(line).series(|| found);
        assert_eq!(series(&["--haproxy=3.1"], None), (Series::V3_0, None));
        assert_eq!(series(&["--haproxy=2.9.4"], None), (Series::V2_8, None));
        assert_eq!(series(&[], Some(Series::V2_8)), (Series::V2_8, None));
        let (newest, said) = series(&[], None);
        let said = said.unwrap();
        assert_eq!(Some(&newest), Series::ALL.last());
        assert!(said.contains("and later: `--haproxy 2.6`"), "{said}");
    }

    #[test]
    fn what_to_do_with_the_files_is_said() {
        let next = |line: &[&str]| {
            let config = config(line);
            let options = config.options(Series::V3_2).unwrap();
            config.next(Path::new("out"), &options)
        };
        let usual = next(&[]);
        for line in [
            "    cd out\n",
            "    haproxy -c -f haproxy.cfg\n    haproxy -f haproxy.cfg\n",
            "    curl -i http://127.0.0.1:8080/\n",
            "`--show`",
        ] {
            assert!(usual.contains(line), "{usual}");
        }
        let own = next(&["--show", "--bind=10.0.0.1:80 name www"]);
        assert!(own.ends_with("    curl -i http://10.0.0.1:80/\n"), "{own}");
        assert_eq!(next(&["--part=spoe"]), "");
    }

    #[test]
    fn a_file_of_the_users_is_not_overwritten() {
        let directory = std::env::temp_dir().join(format!("spoa-config-{}", std::process::id()));
        let output = format!("--output={}", directory.display());
        let line = ["--haproxy=3.2", &output];
        let said = config(&line).perform(&agent()).unwrap().text;
        let wrote = said.lines().filter(|line| line.starts_with("wrote "));
        assert_eq!(wrote.count(), 2, "{said}");
        // What it has written, it writes again.
        config(&line).perform(&agent()).unwrap();
        let file = directory.join("haproxy.cfg");
        fs::write(&file, "global\n").unwrap();
        let error = config(&line).perform(&agent()).unwrap_err();
        assert!(
            error.contains("config` has not written it") && error.contains("`--force`"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "global\n");
        let force = ["--haproxy=3.2", &output, "--force"];
        config(&force).perform(&agent()).unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("frontend www"));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_edited_file_is_not_overwritten_and_the_difference_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let output = format!("--output={}", directory.path().display());
        let line = ["--haproxy=3.2", &output];
        config(&line).perform(&agent()).unwrap();
        let file = directory.path().join("haproxy.cfg");
        let written = fs::read_to_string(&file).unwrap();
        let edited = written.replace("bind :8080", "bind :80");
        fs::write(&file, &edited).unwrap();
        let error = config(&line).perform(&agent()).unwrap_err();
        assert!(
            error.contains("has changed since `config` wrote it"),
            "{error}"
        );
        let shown = config(&["--haproxy=3.2", &output, "--diff"])
            .perform(&agent())
            .unwrap();
        assert!(
            shown.text.contains("\n-    bind :80\n+    bind :8080\n"),
            "{}",
            shown.text
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), edited);
        config(&["--haproxy=3.2", &output, "--force"])
            .perform(&agent())
            .unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), written);
        // Other options, another text: what it has written it replaces.
        config(&["--haproxy=2.6", &output])
            .perform(&agent())
            .unwrap();
        let shown = config(&["--haproxy=2.6", &output, "--diff"])
            .perform(&agent())
            .unwrap();
        assert_eq!(shown.text, "nothing would change\n");
    }

    #[test]
    fn an_option_that_changes_nothing_is_an_error() {
        let rules = tempfile::NamedTempFile::new().unwrap();
        fs::write(rules.path(), "    bind :80\n").unwrap();
        let rules = format!("--rules={}", rules.path().display());
        for (line, option) in [
            (&["--ca-file=a"][..], "--ca-file"),
            (&["--crt=a"], "--crt"),
            (&["--part=frontend", "--bind=:80"], "--bind"),
            (&["--part=spoe", "--server=10.0.0.1:1"], "--server"),
            (&["--part=backend", "--fail=closed"], "--fail closed"),
            (&["--part=backend", "--prefix=a"], "--prefix"),
            (&["--part=spoe", "--spoe-file=a"], "--spoe-file"),
            (&[&rules, "--show"], "--show"),
            (&[&rules, "--bind=:81"], "--bind"),
            (&["--verdict=txn.a"], "--verdict"),
            (&["--force"], "--force"),
            (&["--diff"], "--diff"),
        ] {
            let error = config(line).perform(&agent()).unwrap_err();
            let expected = format!("option `{option}` changes nothing: ");
            assert!(error.starts_with(&expected), "{line:?}: {error}");
        }
        let mut tls = agent();
        tls.tls = Some(spoa_config::Tls {
            certificate: "a".to_owned(),
            mutual: false,
        });
        assert!(config(&["--ca-file=a"]).perform(&tls).is_ok());
        let error = config(&["--ca-file=a", "--server=unix@/a"])
            .perform(&tls)
            .unwrap_err();
        assert!(error.contains("unix sockets"), "{error}");
    }

    #[test]
    fn the_output_of_a_part_may_be_a_file() {
        let directory = tempfile::tempdir().unwrap();
        for (output, file) in [("own.conf", "own.conf"), ("folder", "folder/spoe.conf")] {
            let output = format!("--output={}", directory.path().join(output).display());
            let line = ["--haproxy=3.2", "--part=spoe", &output];
            config(&line).perform(&agent()).unwrap();
            // A second time as well.
            config(&line).perform(&agent()).unwrap();
            let text = fs::read_to_string(directory.path().join(file)).unwrap();
            assert!(text.contains("spoe-message check"), "{text}");
        }
    }

    #[test]
    fn a_version_newer_than_all_is_the_newest_and_said() {
        let line = ["--haproxy=9.9", "--part=backend"];
        let printed = config(&line).perform(&agent()).unwrap();
        assert!(
            printed.warnings[0].starts_with("HAProxy 9.9 is newer than all"),
            "{printed:?}"
        );
        let known = newest().to_string();
        let printed = config(&["--haproxy", &known, "--part=backend"])
            .perform(&agent())
            .unwrap();
        assert_eq!(printed.warnings, [""; 0]);
    }
}
