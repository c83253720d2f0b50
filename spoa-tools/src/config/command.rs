//! The options of `config`, and what they ask for.

use super::ingress::Ingress;
use super::{Config, Part, newest};
use crate::command::{Command, CommandInput, CommandOption as Opt, one_of};
use spoa_config::Series;
use spoa_config::write::{Cache, Page};
use spoa_facts::{duration, parse_size};

impl Config {
    /// The command as plain data.
    pub const COMMAND: Command = Command {
        name: "config",
        summary: "Print HAProxy's configuration for this agent",
        options: &[
            Opt::text(
                "haproxy",
                "SERIES",
                "Oldest HAProxy that must accept the files",
            )
            .default("the one found, else the newest")
            .check(|text| {
                text.parse::<Series>()
                    .map(drop)
                    .map_err(|error| error.to_string())
            }),
            Opt::text("part", "PART", "One part: spoe, backend, frontend or all")
                .default("all")
                .check(|text| one_of(&Part::NAMES, text)),
            Opt::text(
                "for",
                "CONTROLLER",
                "ConfigMaps for haproxy-ingress or kubernetes-ingress",
            )
            .check(|text| one_of(&Ingress::NAMES, text)),
            Opt::text("engine", "NAME", "Name of the engine").default("the agent's name"),
            Opt::text("prefix", "NAME", "Prefix of the variables").default("the engine's name"),
            Opt::text(
                "server",
                "ADDRESS",
                "Address of an agent for HAProxy; repeatable",
            )
            .default("where the agent listens")
            .repeated(),
            Opt::text(
                "ca-file",
                "FILE",
                "CA of the agents' certificates, for HAProxy",
            )
            .default("the agent's certificate"),
            Opt::text(
                "crt",
                "FILE",
                "Certificate and key of HAProxy, for mutual TLS",
            ),
            Opt::text(
                "sticky",
                "SAMPLE",
                "Key by which one of several agents is chosen",
            ),
            Opt::text(
                "cache",
                "SAMPLE=TIME",
                "Answers that HAProxy keeps, such as src=5s",
            )
            .check(|text| cache(text).map(drop)),
            Opt::text(
                "fail",
                "HOW",
                "Requests without a verdict: open passes, closed denies",
            )
            .default("open")
            .check(|text| one_of(&["open", "closed"], text)),
            Opt::text(
                "verdict",
                "VARIABLE",
                "Variable that `--fail closed` requires; repeatable",
            )
            .default("one that each handler always sets, or a new one")
            .repeated(),
            Opt::text(
                "page",
                "STATUS=FILE",
                "Page for a status, or challenge=FILE; repeatable",
            )
            .check(|text| page(text).map(drop))
            .repeated(),
            Opt::path(
                "rules",
                "FILE",
                "Your own lines of the frontend: binds, rules, backend",
            ),
            Opt::text("bind", "ADDRESS", "Address of the frontend; repeatable")
                .default(":8080")
                .check(bind)
                .repeated(),
            Opt::flag(
                "show",
                "Headers that show clients the variables, to try things out",
            ),
            Opt::text(
                "spoe-file",
                "PATH",
                "Path of spoe.conf in the filter's line",
            )
            .default("spoe.conf"),
            Opt::text(
                "bufsize",
                "BYTES",
                "tune.bufsize of the HAProxy, which limits a message",
            )
            .default("16384")
            .check(|text| bufsize(text).map(drop)),
            Opt::path(
                "site",
                "FILE",
                "haproxy.cfg of the site, to read tune.bufsize from",
            ),
            Opt::path(
                "output",
                "PATH",
                "Directory to write to, or with --part a file",
            ),
            Opt::flag("force", "Overwrite files that were edited or are not ours"),
            Opt::flag(
                "diff",
                "Changes that --output would make; nothing is written",
            ),
        ],
        operands: None,
        notes: "Run `config` again when the handlers change. Keep your own lines in the file of `--rules`: they \
                take\nthe place of the rules that show the variables.",
    };

    /// Reads what the command line gives.
    ///
    /// ```
    /// use spoa_tools::command::CommandInput;
    /// use spoa_tools::config::Config;
    ///
    /// let config = Config::read(&CommandInput::default().option("haproxy", "3.2"));
    /// assert_ne!(config, Config::default());
    /// ```
    #[must_use]
    pub fn read(given: &CommandInput) -> Self {
        let text = |name: &str| given.text(name).map(str::to_owned);
        let series = given.text("haproxy");
        let series = series.and_then(|text| Some((text.parse::<Series>().ok()?, text)));
        Config {
            series: series.map(|(series, _)| series),
            newer: series.and_then(|(series, text)| newer(series, text)),
            ingress: given.text("for").and_then(Ingress::of),
            part: match given.text("part") {
                Some("spoe") => Part::Spoe,
                Some("backend") => Part::Backend,
                Some("frontend") => Part::Frontend,
                _ => Part::All,
            },
            engine: text("engine"),
            prefix: text("prefix"),
            servers: given.texts("server"),
            ca_file: text("ca-file"),
            crt: text("crt"),
            sticky: text("sticky"),
            cache: given.text("cache").and_then(|text| cache(text).ok()),
            closed: given.text("fail") == Some("closed"),
            verdicts: given.texts("verdict"),
            pages: given
                .texts("page")
                .iter()
                .filter_map(|text| page(text).ok())
                .collect(),
            rules: given.path("rules"),
            bind: given.texts("bind"),
            show: given.has("show"),
            spoe_file: text("spoe-file"),
            bufsize: given.text("bufsize").and_then(|text| bufsize(text).ok()),
            site: given.path("site"),
            output: given.path("output"),
            force: given.has("force"),
            diff: given.has("diff"),
        }
    }
}

impl Part {
    const NAMES: [&'static str; 4] = ["spoe", "backend", "frontend", "all"];
}

/// Says that a version is newer than all that are known.
fn newer(series: Series, text: &str) -> Option<String> {
    let mut numbers = text.split(['.', '-']).map(str::parse::<u16>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return None;
    };
    (series == newest() && series.numbers() < (major, minor)).then(|| {
        format!(
            "HAProxy {text} is newer than all known versions: the configuration is for {series}"
        )
    })
}

/// Checks the words after `bind`: one or more addresses, then anything that HAProxy takes there.
fn bind(text: &str) -> Result<(), String> {
    let addresses = text.split_whitespace().next().unwrap_or_default();
    let listens = |address: &str| {
        let port = address.rsplit_once(':').map(|(_, port)| port);
        address.starts_with('/')
            || address.contains(['@', '$'])
            || port.is_some_and(|port| port.split('-').all(|port| port.parse::<u16>().is_ok()))
    };
    if addresses.split(',').all(listens) {
        Ok(())
    } else {
        Err("write an address with its port, such as :8080 or 127.0.0.1:8080".to_owned())
    }
}

/// Reads a size as HAProxy does, such as `65536` or `64k`.
fn bufsize(text: &str) -> Result<u32, String> {
    let size = parse_size(text).ok();
    let size = size.and_then(|size| u32::try_from(size).ok());
    let size = size.filter(|size| (1_024..=1 << 28).contains(size));
    size.ok_or_else(|| "write a size in bytes from 1024 on, such as 65536 or 64k".to_owned())
}

/// Reads a key and a time, such as `src=5s`.
fn cache(text: &str) -> Result<Cache, String> {
    let cache = text.rsplit_once('=').and_then(|(key, time)| {
        let time = duration(time).ok()?;
        let whole = time.subsec_nanos() == 0 && (1..=3600).contains(&time.as_secs());
        let key = key.to_owned();
        (whole && !key.is_empty()).then_some(Cache { key, time })
    });
    cache.ok_or_else(|| {
        "write a sample and a time of 1s to 1h in whole seconds, as in src=5s".to_owned()
    })
}

/// Reads a page, such as `403=denied.html` or `challenge=challenge.html`.
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

    #[test]
    fn unknown_values_are_refused() {
        let check = |long: &str, value: &str| {
            let mut options = Config::COMMAND.options.iter();
            let option = options.find(|option| option.long == long).unwrap();
            (option.check)(value)
        };
        assert!(check("haproxy", "2.4").is_err());
        assert_eq!(
            check("part", "half").unwrap_err(),
            "write `spoe`, `backend`, `frontend` or `all`"
        );
        assert!(check("fail", "perhaps").is_err());
        for size in ["x", "0", "1000", "1g", "-1"] {
            assert!(check("bufsize", size).is_err(), "{size}");
        }
        assert!(check("bufsize", "64k").is_ok());
        for address in ["foo", "", "127.0.0.1", ":80,foo", ":x"] {
            assert!(check("bind", address).is_err(), "{address}");
        }
        for address in [
            ":80 ssl crt a.pem",
            "[::]:80,10.0.0.1:80-90",
            "unix@/a.sock",
            "/a",
            "${ON}",
        ] {
            assert!(check("bind", address).is_ok(), "{address}");
        }
    }
}
