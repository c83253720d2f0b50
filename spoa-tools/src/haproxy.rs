//! The HAProxy that is installed on this machine.

use spoa_config::Series;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An installed HAProxy.
///
/// ```
/// use spoa_tools::haproxy::Haproxy;
///
/// match Haproxy::find(None) {
///     Ok(found) => println!("HAProxy {} is {}", found.version, found.path.display()),
///     Err(missing) => println!("{missing}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Haproxy {
    /// The path of the program.
    pub path: PathBuf,
    /// The whole version, such as `3.0.11-1+deb13u3`.
    pub version: String,
    /// The series whose words it knows.
    pub series: Series,
}

/// Why no HAProxy can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoHaproxy {
    /// None is installed.
    Missing,
    /// The file that the user named is not one, for this reason.
    Unusable(PathBuf, String),
}

impl fmt::Display for NoHaproxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoHaproxy::Missing => f.write_str(
                "no HAProxy found in SPOA_HAPROXY, on the PATH or in /usr/sbin: install one, for instance \
                 by `apt-get install haproxy`, `dnf install haproxy` or `brew install haproxy`, or name it \
                 by `--haproxy-bin /path/to/haproxy` or SPOA_HAPROXY",
            ),
            NoHaproxy::Unusable(path, problem) => {
                write!(f, "`{}` is not a usable HAProxy: {problem}", path.display())
            }
        }
    }
}

impl Haproxy {
    /// Finds the HAProxy that the user named, else the first of `SPOA_HAPROXY`, else the one on the
    /// `PATH`. Relative places are skipped: anybody may have put a file there.
    ///
    /// # Errors
    /// A [`NoHaproxy`] if this machine has none, or the file is not one.
    pub fn find(named: Option<&Path>) -> Result<Self, NoHaproxy> {
        if let Some(path) = named {
            return usable(path);
        }
        match listed().first() {
            Some(path) => usable(path),
            None => Haproxy::on_the_path(),
        }
    }

    /// Finds all of `SPOA_HAPROXY`, else the one on the `PATH`. There is at least one.
    ///
    /// # Errors
    /// A [`NoHaproxy`] if this machine has none, or a file of `SPOA_HAPROXY` is not one.
    pub fn all() -> Result<Vec<Self>, NoHaproxy> {
        let listed = listed();
        if listed.is_empty() {
            return Ok(vec![Haproxy::on_the_path()?]);
        }
        listed.iter().map(|path| usable(path)).collect()
    }

    fn on_the_path() -> Result<Self, NoHaproxy> {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        // Debian installs it in /usr/sbin, which is not on the PATH of an ordinary user.
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
        let output = Command::new(program)
            .arg("-v")
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| format!("it does not run: {error}"))?;
        let output = String::from_utf8_lossy(&output.stdout);
        let version = version(&output).ok_or("`-v` does not print a version of HAProxy")?;
        Ok(Haproxy {
            path: path.to_owned(),
            version: version.to_owned(),
            series: version.parse().map_err(|error| format!("{error}"))?,
        })
    }
}

/// Returns the paths in `SPOA_HAPROXY`.
fn listed() -> Vec<PathBuf> {
    let variable = std::env::var_os("SPOA_HAPROXY").unwrap_or_default();
    let variable = variable.to_string_lossy();
    let paths = variable.split([':', ',']).filter(|path| !path.is_empty());
    paths.map(PathBuf::from).collect()
}

fn usable(path: &Path) -> Result<Haproxy, NoHaproxy> {
    Haproxy::at(path).map_err(|problem| NoHaproxy::Unusable(path.to_owned(), problem))
}

/// Returns the version in the first line of `haproxy -v`.
fn version(output: &str) -> Option<&str> {
    let (program, rest) = output.lines().next()?.split_once(" version ")?;
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
    fn a_named_file_that_is_not_a_haproxy_is_an_error() {
        let error = Haproxy::find(Some(Path::new("/bin/cat"))).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("`/bin/cat` is not a usable HAProxy: "),
            "{said}"
        );
        let error = Haproxy::find(Some(Path::new("/no/such"))).unwrap_err();
        assert!(error.to_string().contains("does not run"), "{error}");
    }
}
