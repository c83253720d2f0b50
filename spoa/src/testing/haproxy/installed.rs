//! The HAProxies of this machine.

use spoa_tools::haproxy::{Haproxy as Found, NoHaproxy};
use std::fmt;
use std::path::Path;

/// A HAProxy of this machine: see [`HaProxy::installed`](super::HaProxy::installed).
///
/// ```no_run
/// use spoa::testing::HaProxy;
///
/// for installed in HaProxy::installed() {
///     println!("{} is {}", installed.version(), installed.path().display());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct InstalledHaProxy(pub(super) Found);

impl InstalledHaProxy {
    /// Finds all of the variable `SPOA_HAPROXY`, else the one on the `PATH`.
    pub(super) fn all() -> Result<Vec<Self>, String> {
        match Found::all() {
            Ok(all) => Ok(all.into_iter().map(InstalledHaProxy).collect()),
            Err(missing) => Err(no_haproxy(&missing)),
        }
    }

    /// Finds a HAProxy by its path.
    ///
    /// ```no_run
    /// use spoa::testing::InstalledHaProxy;
    ///
    /// let next = InstalledHaProxy::at("/opt/haproxy-dev/haproxy").unwrap();
    /// ```
    ///
    /// # Errors
    /// A line for the user: the file does not run, or is not a HAProxy.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, String> {
        match Found::find(Some(path.as_ref())) {
            Ok(found) => Ok(InstalledHaProxy(found)),
            Err(unusable) => Err(unusable.to_string()),
        }
    }

    /// Returns the whole version, such as `3.0.11-1+deb13u3`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Returns the path of the program.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns whether it is of this series or a later one: `at_least(3, 4)`.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        let [own_major, own_minor, _] = numbers(self.version());
        (own_major, own_minor) >= (major, minor)
    }
}

impl fmt::Display for InstalledHaProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HAProxy {} ({})", self.version(), self.path().display())
    }
}

/// Says that there is no HAProxy, and how a test gets one.
pub(super) fn no_haproxy(missing: &NoHaproxy) -> String {
    match missing {
        NoHaproxy::Missing => "no HAProxy found in SPOA_HAPROXY, on the PATH or in /usr/sbin: install one, for \
             instance by `apt-get install haproxy`, `dnf install haproxy` or `brew install haproxy`, or set \
             SPOA_HAPROXY=/path/to/haproxy"
            .to_owned(),
        other => other.to_string(),
    }
}

/// Returns the oldest, the newest, and one between.
pub(super) fn spread(mut all: Vec<InstalledHaProxy>) -> Vec<InstalledHaProxy> {
    all.sort_by_key(|installed| numbers(installed.version()));
    let (middle, last) = (all.len() / 2, all.len().saturating_sub(1));
    let mut index = 0..;
    all.retain(|_| {
        index
            .next()
            .is_some_and(|at| [0, middle, last].contains(&at))
    });
    all
}

/// Returns the first numbers of a version.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    [(); 3]
        .map(|()| numbers.next().and_then(|number| number.parse().ok()))
        .map(|number| number.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_a_haproxy_is_named() {
        let error = InstalledHaProxy::at("/bin/true").unwrap_err();
        assert_eq!(
            error,
            "`/bin/true` is not a usable HAProxy: `-v` does not print a version of HAProxy"
        );
    }

    #[test]
    fn numbers_of_a_version_are_compared_as_numbers() {
        assert_eq!(numbers("3.0.11-1+deb13u3"), [3, 0, 11]);
        assert_eq!(numbers("3.2-dev4"), [3, 2, 0]);
        assert!(numbers("3.10.1") > numbers("3.9.12"));
    }
}
