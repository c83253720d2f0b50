//! Options of `config` that would change nothing: each is an error.

use super::{Config, Part};
use spoa_config::Agent;
use spoa_facts::is_unix;

impl Config {
    /// Refuses the first option that changes nothing.
    pub(super) fn refuse_unused(&self, agent: &Agent) -> Result<(), String> {
        let only = |parts: &[Part]| {
            let unused = self.part != Part::All && !parts.contains(&self.part);
            unused.then_some("this part does not need it")
        };
        let backend = || only(&[Part::Backend]);
        let messages = || only(&[Part::Spoe, Part::Frontend]);
        let tls = || self.without_tls(agent);
        let no_output = |why| self.output.is_none().then_some(why);
        let options = [
            ("--server", !self.servers.is_empty(), backend()),
            ("--ca-file", self.ca_file.is_some(), backend().or_else(tls)),
            ("--crt", self.crt.is_some(), backend().or_else(tls)),
            (
                "--sticky",
                self.sticky.is_some(),
                only(&[Part::Backend, Part::Frontend]),
            ),
            ("--cache", self.cache.is_some(), None),
            ("--prefix", self.prefix.is_some(), messages()),
            ("--fail closed", self.closed, messages()),
            (
                "--verdict",
                !self.verdicts.is_empty(),
                (!self.closed)
                    .then_some("it is for `--fail closed`: add that option, or leave this one out"),
            ),
            ("--rules", self.rules.is_some(), messages()),
            (
                "--part",
                self.part != Part::All,
                self.ingress.map(|_| "`--for` writes every part"),
            ),
            (
                "--bind",
                !self.bind.is_empty(),
                only(&[]).or(self.ingress.map(|_| "the controller listens")),
            ),
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
                "--site",
                self.site.is_some(),
                messages().or(self.bufsize.map(|_| "`--bufsize` says the size")),
            ),
            ("--bufsize", self.bufsize.is_some(), messages()),
            (
                "--force",
                self.force,
                no_output("nothing is overwritten without `--output`"),
            ),
            (
                "--diff",
                self.diff,
                no_output("name the files to compare with: `--output`"),
            ),
            (
                "--force",
                self.force,
                self.diff.then_some("with `--diff` nothing is overwritten"),
            ),
        ];
        let unused = options.into_iter().find_map(|(option, given, why)| {
            let why = why.filter(|_| given)?;
            Some(format!("option `{option}` changes nothing: {why}"))
        });
        unused.map_or(Ok(()), Err)
    }

    /// Says why HAProxy does not speak TLS to the agents.
    fn without_tls(&self, agent: &Agent) -> Option<&'static str> {
        let servers = match self.servers.as_slice() {
            [] => agent.listeners.get(..1).unwrap_or_default(),
            servers => servers,
        };
        if agent.tls.is_none() {
            Some("the agent speaks no TLS: give its `--tls-cert` as well")
        } else if !servers.is_empty() && servers.iter().all(|server| is_unix(server)) {
            Some("unix sockets speak no TLS")
        } else {
            None
        }
    }
}
