//! The HAProxy of this machine, if there is one.
//!
//! It must not know what it is wanted for.

use spoa_config::Series;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A HAProxy that runs.
#[derive(Clone, Debug)]
pub(super) struct Haproxy {
    pub(super) path: PathBuf,
    /// The whole version, such as `3.0.11-1+deb13u3`.
    pub(super) version: String,
    pub(super) series: Series,
}

/// There is none.
#[derive(Debug)]
pub(super) enum NoHaproxy {
    /// Nowhere.
    Missing,
    /// What was named is none.
    Named(PathBuf, String),
}

impl fmt::Display for NoHaproxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoHaproxy::Missing => f.write_str(
                "there is no HAProxy: install one, for instance by `apt-get install haproxy`, \
                 `dnf install haproxy` or `brew install haproxy`, or name it by `--haproxy-bin \
                 /path/to/haproxy` or SPOA_HAPROXY. It is looked for in SPOA_HAPROXY, on \
                 the PATH and in /usr/sbin",
            ),
            NoHaproxy::Named(path, problem) => {
                write!(f, "`{}` is no HAProxy to use: {problem}", path.display())
            }
        }
    }
}

impl Haproxy {
    /// Finds the one named, else the first of `SPOA_HAPROXY`, else that on the `PATH`. What lies below
    /// the current directory is not run: it may be anybody's.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, NoHaproxy> {
        let variable = std::env::var_os("SPOA_HAPROXY").unwrap_or_default();
        let first = variable.to_string_lossy();
        let first = first.split([':', ',']).find(|path| !path.is_empty());
        if let Some(path) = named.or(first.map(Path::new)) {
            return Haproxy::at(path).map_err(|problem| NoHaproxy::Named(path.to_owned(), problem));
        }
        let paths = std::env::var_os("PATH").unwrap_or_default();
        // Debian has it in /usr/sbin, which is not on the PATH of an ordinary user.
        let places = std::env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
        places
            .filter(|place| place.is_absolute())
            .map(|place| place.join("haproxy"))
            .filter(|path| path.is_file())
            .find_map(|path| Haproxy::at(&path).ok())
            .ok_or(NoHaproxy::Missing)
    }

    fn at(path: &Path) -> Result<Self, String> {
        let program: &OsStr = path.as_os_str();
        let said = Command::new(program)
            .arg("-v")
            .stdin(Stdio::null())
            .output();
        let said = said.map_err(|error| format!("it does not run: {error}"))?;
        let said = String::from_utf8_lossy(&said.stdout);
        let version = version(&said).ok_or("`-v` names no version of HAProxy")?;
        Ok(Haproxy {
            path: path.to_owned(),
            version: version.to_owned(),
            series: version.parse().map_err(|error| format!("{error}"))?,
        })
    }
}

/// The version in the first line of `haproxy -v`.
fn version(said: &str) -> Option<&str> {
    let (program, rest) = said.lines().next()?.split_once(" version ")?;
    matches!(program, "HAProxy" | "HA-Proxy")
        .then(|| rest.split_whitespace().next())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_in_the_first_line() {
        let said =
            "HAProxy version 3.0.11-1+deb13u3 2026/05/20 - https://haproxy.org/\nStatus: x\n";
        assert_eq!(version(said), Some("3.0.11-1+deb13u3"));
        assert_eq!(version("nginx version: nginx/1.22.1"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn what_is_named_and_is_none_is_said() {
        let error = Haproxy::find(Some(Path::new("/bin/cat"))).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("`/bin/cat` is no HAProxy to use: "),
            "{said}"
        );
        let error = Haproxy::find(Some(Path::new("/no/such"))).unwrap_err();
        assert!(error.to_string().contains("does not run"), "{error}");
    }
}
