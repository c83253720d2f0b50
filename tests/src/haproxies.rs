//! Which HAProxies the tests run on.
//!
//! Those named in `SPOA_HAPROXY` (paths, `:` or `,` between them); else those that
//! `tests/get-haproxy.sh target/haproxy` left there; else the `haproxy` on the `PATH`; else those
//! the script can fetch now.

use std::any::Any;
use std::env;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// One HAProxy of this machine.
#[derive(Debug, Clone)]
pub struct Haproxy {
    path: PathBuf,
    version: String,
    series: (u16, u16),
}

impl Haproxy {
    /// Returns the path of the program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the whole version, such as `3.0.11-1+deb13u3`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the series as numbers, such as `(3, 0)`.
    pub fn series(&self) -> (u16, u16) {
        self.series
    }

    /// Returns whether it is of this series or a later one.
    pub fn at_least(&self, major: u16, minor: u16) -> bool {
        self.series >= (major, minor)
    }

    /// Asks the program at `path` for its version.
    ///
    /// # Errors
    /// If the program does not run or is not HAProxy, returns a sentence that says so.
    pub fn at(path: impl Into<PathBuf>) -> Result<Haproxy, String> {
        let path = path.into();
        let said = Command::new(&path).arg("-v").stdin(Stdio::null()).output();
        let said = said.map_err(|error| format!("`{}` does not run: {error}", path.display()))?;
        let said = String::from_utf8_lossy(&said.stdout);
        match version_in(&said) {
            Some((version, series)) => Ok(Haproxy {
                path,
                version: version.to_owned(),
                series,
            }),
            None => Err(format!("`{} -v` names no HAProxy version", path.display())),
        }
    }
}

impl fmt::Display for Haproxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HAProxy {} ({})", self.version, self.path.display())
    }
}

/// Returns the full version and the series in the first line of `haproxy -v`.
fn version_in(said: &str) -> Option<(&str, (u16, u16))> {
    let line = said.lines().next()?;
    let (program, rest) = line.split_once(" version ")?;
    if !matches!(program, "HAProxy" | "HA-Proxy") {
        return None;
    }
    let version = rest.split_whitespace().next()?;
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((version, (major.parse().ok()?, minor.parse().ok()?)))
}

/// Returns every HAProxy found, the oldest first.
///
/// # Panics
/// If no HAProxy is found, with the package to install.
pub fn haproxies() -> &'static [Haproxy] {
    static FOUND: OnceLock<Vec<Haproxy>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = discover();
        found.sort_by_key(|haproxy| haproxy.series);
        found
    })
}

/// Runs a test on every HAProxy of this machine, on all of them at the same time.
///
/// It panics at the end, naming the versions on which the test failed.
pub fn for_each_haproxy(test: impl Fn(&Haproxy) + Sync) {
    run_on(haproxies().iter(), test);
}

/// Runs a test on every HAProxy of this machine, one after the other: for a test that needs a fixed
/// port, an agent that remembers what it was asked, or the processor for itself.
///
/// It goes on after a failure, and panics at the end, naming the versions on which the test failed.
pub fn for_each_haproxy_in_turn(test: impl Fn(&Haproxy)) {
    run_in_turn(haproxies().iter(), test);
}

/// Runs a test on those HAProxies that `suit`, one after the other, for something only some generations do; `why` says
/// what.
///
/// With none of them on this machine it says so on standard error, past the test runner's capture.
/// With `SPOA_HAPROXY_STRICT=1`, as in CI, that is a failure.
pub fn for_haproxies(why: &str, suit: impl Fn(&Haproxy) -> bool, test: impl Fn(&Haproxy) + Sync) {
    let chosen: Vec<_> = haproxies().iter().filter(|haproxy| suit(haproxy)).collect();
    if chosen.is_empty() {
        let have: Vec<_> = haproxies().iter().map(Haproxy::version).collect();
        not_tested_here(&format!("{why}; this machine has {}", have.join(", ")));
    }
    run_in_turn(chosen.into_iter(), test);
}

/// Prints, past the test runner's capture, that this machine lacks what a test needs. With
/// `SPOA_HAPROXY_STRICT=1` that is a failure.
pub fn not_tested_here(why: &str) {
    let notice = format!("NOT TESTED HERE: {why}\n");
    let strict = env::var("SPOA_HAPROXY_STRICT").is_ok_and(|value| value == "1");
    assert!(!strict, "{notice}");
    announce(&notice);
}

/// Prints past the test runner, which captures what `eprintln!` prints in a test.
fn announce(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn run_in_turn<'a>(haproxies: impl Iterator<Item = &'a Haproxy>, test: impl Fn(&Haproxy)) {
    let mut failed = Vec::new();
    for haproxy in haproxies {
        eprintln!("--- on {haproxy}");
        // A failed run leaves nothing behind that another one uses.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(haproxy))) {
            failed.push(format!("on {haproxy}: {}", message_of(&*panic)));
        }
    }
    assert!(failed.is_empty(), "failed {}", failed.join("\nand "));
}

/// Runs a test on these HAProxies side by side: most of a test's time is waiting.
fn run_on<'a>(haproxies: impl Iterator<Item = &'a Haproxy>, test: impl Fn(&Haproxy) + Sync) {
    let test = &test;
    let failed: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = haproxies
            .map(|haproxy| {
                let run = move || {
                    eprintln!("--- on {haproxy}");
                    test(haproxy);
                };
                // A name for the thread, so that the report of a panic says which HAProxy it was.
                let thread = std::thread::Builder::new().name(format!("on {haproxy}"));
                let thread = thread.spawn_scoped(scope, run);
                (haproxy, thread.expect("a thread can be started"))
            })
            .collect();
        let ended = running.into_iter().map(|(haproxy, run)| {
            let panic = run.join().err()?;
            Some(format!("on {haproxy}: {}", message_of(&*panic)))
        });
        ended.flatten().collect()
    });
    assert!(failed.is_empty(), "failed {}", failed.join("\nand "));
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

fn discover() -> Vec<Haproxy> {
    if let Some(named) = env::var_os("SPOA_HAPROXY").filter(|value| !value.is_empty()) {
        let named = named.to_string_lossy().into_owned();
        let paths = named.split([':', ',']).filter(|path| !path.is_empty());
        let found = paths.map(|path| {
            Haproxy::at(path).unwrap_or_else(|error| panic!("SPOA_HAPROXY is wrong: {error}"))
        });
        return found.collect();
    }
    let workspace = crate::examples::workspace();
    let fetched = workspace.join("target/haproxy");
    for look in [
        |fetched: &Path| fetched_into(fetched),
        |_: &Path| on_the_path(),
    ] {
        let found = look(&fetched);
        if !found.is_empty() {
            return found;
        }
    }
    announce("no HAProxy on this machine: fetching some into target/haproxy\n");
    // It says itself what it could not get; whatever it did get will do.
    let _ = Command::new(workspace.join("tests/get-haproxy.sh"))
        .arg(&fetched)
        .status();
    let found = fetched_into(&fetched);
    assert!(
        !found.is_empty(),
        "the end-to-end tests need HAProxy: run `apt-get install haproxy`, or \
         `tests/get-haproxy.sh target/haproxy`, or name one in SPOA_HAPROXY=/path/to/haproxy"
    );
    found
}

/// Returns each `directory/<series>/haproxy` that runs.
fn fetched_into(directory: &Path) -> Vec<Haproxy> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path().join("haproxy"));
    paths
        .filter(|path| path.is_file())
        .filter_map(|path| Haproxy::at(path).ok())
        .collect()
}

fn on_the_path() -> Vec<Haproxy> {
    // Debian has it in /usr/sbin, which is not on the PATH of an ordinary user.
    let paths = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]);
    let mut found = places
        .map(|place| place.join("haproxy"))
        .filter(|path| path.is_file());
    found
        .find_map(|path| Haproxy::at(path).ok())
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_read_from_every_style_of_announcement() {
        let lines = [
            (
                "HAProxy version 3.0.11-1+deb13u3 2026/05/20 - https://haproxy.org/\n",
                (3, 0),
            ),
            (
                "HAProxy version 2.8.25-5cf5d0683 2026/06/26 - https://haproxy.org/",
                (2, 8),
            ),
            (
                "HAProxy version 3.5-dev3-1a2b3c 2026/09/01 - https://haproxy.org/",
                (3, 5),
            ),
            (
                "HA-Proxy version 2.2.9-2+deb11u6 2023/12/30 - https://haproxy.org/",
                (2, 2),
            ),
        ];
        for (line, series) in lines {
            assert_eq!(version_in(line).expect(line).1, series);
        }
        assert_eq!(version_in("nginx version: nginx/1.22.1"), None);
        assert_eq!(version_in(""), None);
    }
}
