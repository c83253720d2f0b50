//! `config`: the configuration of HAProxy for an agent, printed or written to files.

mod command;
mod diff;
mod files;
mod ingress;
mod replaced;
#[cfg(test)]
mod tests;
mod unused;

use crate::CommandOutput;
use crate::haproxy::Haproxy;
use ingress::Ingress;
use spoa_config::read::{self, Disk, Surroundings};
use spoa_config::write::{Buffers, Cache, Fail, Options, Page, WrittenConfiguration, write};
use spoa_config::{Agent, Series};
use std::fs;
use std::path::{Path, PathBuf};

/// The options of `config`.
///
/// ```
/// use spoa_config::{Agent, Message};
/// use spoa_tools::command::CommandInput;
/// use spoa_tools::config::Config;
///
/// let agent = Agent {
///     name: "geo".to_owned(),
///     messages: vec![Message { name: "lookup".to_owned(), ..Message::default() }],
///     listeners: vec!["127.0.0.1:12345".to_owned()],
///     ..Agent::default()
/// };
/// let given = CommandInput::default().option("haproxy", "3.2").option("part", "backend");
/// let outcome = Config::read(&given).perform(&agent)?;
/// assert!(outcome.text.contains("server agent1 127.0.0.1:12345\n"), "{}", outcome.text);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    series: Option<Series>,
    ingress: Option<Ingress>,
    part: Part,
    engine: Option<String>,
    prefix: Option<String>,
    servers: Vec<String>,
    ca_file: Option<String>,
    crt: Option<String>,
    sticky: Option<String>,
    cache: Option<Cache>,
    closed: bool,
    verdicts: Vec<String>,
    pages: Vec<Page>,
    rules: Option<PathBuf>,
    bind: Vec<String>,
    show: bool,
    spoe_file: Option<String>,
    bufsize: Option<u32>,
    site: Option<PathBuf>,
    output: Option<PathBuf>,
    force: bool,
    diff: bool,
    /// A warning, if the version asked for is newer than all known ones.
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

impl Config {
    /// Writes the configuration of an agent.
    ///
    /// # Errors
    /// A line for the user: an option changes nothing, a file cannot be written, or the agent is not
    /// described well enough.
    pub fn perform(&self, agent: &Agent) -> Result<CommandOutput, String> {
        self.refuse_unused(agent)?;
        let (series, guessed) = self.series(|| Haproxy::find(None).ok().map(|found| found.series));
        let options = self.options(series, &agent.name)?;
        if has_line(&options, "bind") && !self.bind.is_empty() {
            return Err(
                "option `--bind` changes nothing: the lines of `--rules` have a `bind`".to_owned(),
            );
        }
        let written = write(agent, &options).map_err(|refusal| refusal.to_string())?;
        let mut lost = Vec::new();
        let text = match &self.output {
            Some(path) if self.diff => self.changes(path, &agent.name, &written)?,
            Some(path) => {
                let (list, warnings) = self.write(path, &agent.name, &written)?;
                lost = warnings;
                format!("{list}{}", self.next_steps(path, &options))
            }
            None => self.text(&agent.name, &written),
        };
        let warnings = written.warnings.iter().map(ToString::to_string);
        let about_series = self.newer.clone().into_iter().chain(guessed);
        Ok(CommandOutput {
            text,
            warnings: about_series.chain(warnings).chain(lost).collect(),
            status: 0,
        })
    }

    /// Returns the series to write for, and a warning if it is a guess.
    fn series(&self, found: impl FnOnce() -> Option<Series>) -> (Series, Option<String>) {
        if let Some(series) = self.series.or_else(found) {
            return (series, None);
        }
        let newest = newest();
        let warning = format!(
            "no HAProxy was found, so the configuration is for {newest} and later: `--haproxy 2.6` writes \
             what all versions take"
        );
        (newest, Some(warning))
    }

    /// Says what to do with the files.
    fn next_steps(&self, directory: &Path, options: &Options) -> String {
        if self.part != Part::All {
            return String::new();
        }
        if self.ingress.is_some() {
            return "next: its first lines say what to do with it\n".to_owned();
        }
        let file = directory.join("haproxy.cfg");
        let file = file.display();
        let mut steps = format!(
            "next, while the agent runs:\n    haproxy -c -f {file}\n    haproxy -f {file}\n"
        );
        if let (None, Some(bind)) = (&options.rules, options.bind.first()) {
            let address = bind.split([' ', ',']).next().unwrap_or_default();
            let address = match address.rsplit_once(':') {
                Some(("" | "*", port)) => format!("127.0.0.1:{port}"),
                _ => address.to_owned(),
            };
            steps.push_str(&format!("    curl -i http://{address}/\n"));
            if !options.show {
                steps.push_str("With `--show`, curl sees the variables in headers.\n");
            }
        }
        steps
    }

    fn options(&self, series: Series, agent: &str) -> Result<Options, String> {
        let usual = Options::new(series);
        let rules = self.rules.as_deref().map(|path| {
            fs::read_to_string(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        });
        Ok(Options {
            engine: self.engine.clone(),
            prefix: self.prefix.clone(),
            servers: match self.part {
                // These parts name no server, and the address of the agent may not be known here.
                Part::Spoe | Part::Frontend => vec!["127.0.0.1:1".to_owned()],
                Part::Backend | Part::All => self.servers.clone(),
            },
            ca_file: self.ca_file.clone(),
            crt: self.crt.clone(),
            sticky: self.sticky.clone(),
            cache: self.cache.clone(),
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
            spoe_file: match (&self.spoe_file, self.ingress) {
                (Some(path), _) => path.clone(),
                (None, Some(_)) => Ingress::spoe_file(self.engine.as_deref().unwrap_or(agent)),
                (None, None) => usual.spoe_file,
            },
            buffers: self.buffers(series)?,
            ..usual
        })
    }

    /// Returns the sizes of HAProxy's buffers.
    fn buffers(&self, series: Series) -> Result<Buffers, String> {
        if let Some(size) = self.bufsize {
            return Ok(Buffers::of_size(size));
        }
        let Some(path) = &self.site else {
            return Ok(Buffers::default());
        };
        let around = Surroundings {
            series: Some(series),
            environment: &|name| std::env::var(name).ok(),
        };
        let site = read::Configuration::read(&[path], &Disk, &around)
            .map_err(|error| error.to_string())?;
        Buffers::read(&site).ok_or_else(|| {
            format!(
                "the sizes of buffers in `{}` are not certain: write `--bufsize BYTES` instead of `--site`",
                path.display()
            )
        })
    }

    fn text(&self, agent: &str, written: &WrittenConfiguration) -> String {
        if let Some(ingress) = self.ingress {
            return ingress.manifests(agent, written);
        }
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
}

/// Returns whether a line of the user's own rules begins with a keyword.
fn has_line(options: &Options, keyword: &str) -> bool {
    let rules = options.rules.as_deref().unwrap_or_default();
    let mut lines = rules.lines();
    lines.any(|line| line.split_whitespace().next() == Some(keyword))
}

/// Returns the newest known series.
fn newest() -> Series {
    let [.., newest] = Series::ALL;
    newest
}
