//! The files of a new project, and what to type next.

use super::fill::Words;
use super::kind::Kind;
use super::layout::{ProjectFile, SIDECAR, layout};
use super::name;
use crate::failure::Failure;
use spoa_config::Agent;
use spoa_tools::command::CommandInput;
use spoa_tools::config::Config;
use spoa_tools::description;
use spoa_tools::haproxy::{Haproxy, NoHaproxy};
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The addresses of the agents that the units start.
const SERVERS: [&str; 2] = ["127.0.0.1:12345", "127.0.0.1:12346"];

/// The HAProxy whose configuration all versions take.
const OLDEST: &str = "2.6";

/// The version of the library that fits this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A project that can be made.
pub(super) struct Project {
    folder: PathBuf,
    name: String,
    kind: Kind,
    files: Vec<ProjectFile>,
    /// The folder of the library; `None` takes it from crates.io.
    library: Option<PathBuf>,
    words: Words,
    agent: Agent,
}

impl Project {
    /// Plans a project in a folder, with the library from another folder or from crates.io.
    ///
    /// # Errors
    /// If the name cannot be used, or the folder has files.
    pub(super) fn new(folder: &Path, kind: Kind, library: Option<&Path>) -> Result<Self, Failure> {
        let name = name_of(folder)?;
        let library = library.map(manifest_folder).transpose()?;
        refuse_used(folder)?;
        let words = words(&name, kind, library.as_deref());
        let files = layout(&name, kind);
        let agent = description::read(&words.fill(kind.description)).map_err(|error| {
            Failure::failed(format!("description of the kind `{}`: {error}", kind.name))
        })?;
        Ok(Project {
            folder: folder.to_owned(),
            name,
            kind,
            files,
            library,
            words,
            agent,
        })
    }

    /// Makes the files. Returns warnings.
    ///
    /// # Errors
    /// If one cannot be written.
    pub(super) fn make(&self) -> Result<Vec<String>, Failure> {
        for file in &self.files {
            let path = self.folder.join(&file.path);
            let folder = path.parent().unwrap_or(&self.folder);
            fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
            fs::write(&path, self.words.fill(file.text))
                .map_err(|error| cannot_write(&path, error))?;
            if file.text.starts_with("#!") {
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(&path, mode).map_err(|error| cannot_write(&path, error))?;
            }
        }
        let missing = Haproxy::find(None).err();
        let series = missing.as_ref().map(|_| OLDEST);
        let mut warnings = self.configure("haproxy", &SERVERS, series)?;
        let socket = format!("unix@/run/{}/agent.sock", self.name);
        self.configure(SIDECAR, &[&socket], series)?;
        warnings.extend(missing.as_ref().map(without_haproxy));
        Ok(warnings)
    }

    /// Returns a warning if the library comes from crates.io, and a clone that may have another version is at hand.
    pub(super) fn unpublished(&self) -> Option<String> {
        let clone = clone_beside(Path::new(env!("CARGO_MANIFEST_DIR")));
        let clone = clone.filter(|_| self.library.is_none())?;
        Some(format!(
            "this `spop` was built in a clone, and its version {VERSION} may not be on crates.io. If cargo does not \
             find haproxy-spoa, write `path = {:?}` in place of `version = \"{VERSION}\"` in both lines of \
             Cargo.toml. `--spoa {}` does so for a new project",
            clone.display().to_string(),
            clone.display()
        ))
    }

    /// Writes HAProxy's side into a folder, as the agent's own `config` does.
    fn configure(
        &self,
        folder: &str,
        servers: &[&str],
        series: Option<&str>,
    ) -> Result<Vec<String>, Failure> {
        let mut given = CommandInput::default().option("output", self.folder.join(folder));
        if let Some(series) = series {
            given = given.option("haproxy", series);
        }
        for server in servers {
            given = given.option("server", *server);
        }
        if self.kind.closed {
            given = given.option("fail", "closed");
        }
        let outcome = Config::read(&given).perform(&self.agent);
        Ok(outcome.map_err(Failure::failed)?.warnings)
    }

    /// Lists the files, and says what to type next.
    pub(super) fn report(&self, dry_run: bool) -> String {
        let folder = self.folder.display();
        let mut text = if dry_run {
            format!("`{folder}` would have these files:\n\n")
        } else {
            format!("made `{folder}`: {}\n\n", self.kind.about)
        };
        let of_config = [
            (
                "haproxy/",
                "HAProxy's side, as the agent's `config` writes it",
            ),
            (
                "deploy/kubernetes/sidecar/",
                "HAProxy and the agent in one pod",
            ),
        ];
        let files = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.about));
        let files = files
            .chain(of_config)
            .filter(|(_, about)| !about.is_empty());
        let lines: Vec<_> = files.collect();
        let width = lines.iter().map(|(path, _)| path.len()).max();
        for (path, about) in lines {
            text.push_str(&format!(
                "  {path:<0$}  {about}\n",
                width.unwrap_or_default()
            ));
        }
        text.push_str(&match &self.library {
            Some(library) => format!("\nlibrary: haproxy-spoa in {}\n", library.display()),
            None => format!("\nlibrary: haproxy-spoa {VERSION} from crates.io\n"),
        });
        if !dry_run {
            text.push_str(&format!(
                "\nnext:\n  cd {folder}\n  cargo run -- dev   # the agent behind the HAProxy of this machine: open \
                 the address it prints\n  cargo test\n\nREADME.md has the rest.\n"
            ));
        }
        text
    }
}

/// Returns the name of the agent in a folder.
fn name_of(folder: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    name::check(&name).map_err(Failure::usage)?;
    Ok(name)
}

/// Returns the absolute path of the library's folder.
fn manifest_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains("name = \"haproxy-spoa\"\n") {
        let folder = folder.display();
        return Err(Failure::usage(format!(
            "option `--spoa`: `{folder}` is not the folder of the package haproxy-spoa: write the path of the folder \
             `spoa` in a clone"
        )));
    }
    fs::canonicalize(folder).map_err(|error| cannot_write(folder, error))
}

/// Returns the folder of the library in the clone that a build of this package is in.
fn clone_beside(package: &Path) -> Option<PathBuf> {
    manifest_folder(&package.parent()?.join("spoa")).ok()
}

/// Says what a project needs HAProxy for, how to get it, and what its files are like without it.
fn without_haproxy(missing: &NoHaproxy) -> String {
    let why = match missing {
        NoHaproxy::Missing => {
            "no HAProxy was found in SPOA_HAPROXY, on the PATH or in /usr/sbin".to_owned()
        }
        unusable => unusable.to_string(),
    };
    format!(
        "{why}. `cargo run -- dev` and the tests need one: install it (apt install haproxy), or set \
         SPOA_HAPROXY=/path/to/haproxy. The files in haproxy/ are written for HAProxy {OLDEST}. Later versions take \
         them, too"
    )
}

/// Refuses a folder that has files.
fn refuse_used(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!(
                "folder `{shown}` is not empty: write another path"
            ))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::usage(format!("cannot read `{shown}`: {error}"))),
    }
}

fn cannot_write(path: &Path, error: impl Display) -> Failure {
    Failure::failed(format!("cannot write `{}`: {error}", path.display()))
}

/// Returns the words of the template with the values of a project.
pub(super) fn words(name: &str, kind: Kind, library: Option<&Path>) -> Words {
    let spoa = match library {
        Some(path) => format!(
            "package = \"haproxy-spoa\", path = {:?}",
            path.display().to_string()
        ),
        None => format!("package = \"haproxy-spoa\", version = \"{VERSION}\""),
    };
    let fail = if kind.closed { " --fail closed" } else { "" };
    let servers = SERVERS.map(|server| format!("--server {server}"));
    let table = kind.table.map_or("", |table| table.file);
    let conffile = format!(", \"/etc/{name}/{table}\"");
    Words::new([
        ("name", name.to_owned()),
        ("NAME", name.to_ascii_uppercase()),
        ("crate", name::crate_name(name)),
        ("about", kind.about.to_owned()),
        ("spoa", spoa),
        ("features", kind.features.to_owned()),
        ("dependencies", kind.dependencies.to_owned()),
        ("table", table.to_owned()),
        (
            "conffiles",
            if table.is_empty() {
                String::new()
            } else {
                conffile
            },
        ),
        ("config", format!("{}{fail}", servers.join(" "))),
        ("fail", fail.to_owned()),
        ("try", kind.request.to_owned()),
        ("call", kind.call.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clone_of_a_build_has_the_library() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let clone = clone_beside(package).expect("this is a clone");
        assert!(clone.ends_with("spoa") && clone.is_absolute(), "{clone:?}");
        // Where cargo unpacks packages of crates.io, the library is not in `spoa`.
        assert_eq!(clone_beside(&package.join("src/new")), None);
    }

    #[test]
    fn a_missing_haproxy_is_reported_with_the_ways_to_name_one() {
        let said = without_haproxy(&NoHaproxy::Missing);
        for part in ["SPOA_HAPROXY=", "apt install haproxy", "HAProxy 2.6"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = without_haproxy(&NoHaproxy::Unusable("/a".into(), "no".to_owned()));
        assert!(
            said.starts_with("`/a` is not a usable HAProxy: no. "),
            "{said}"
        );
    }
}
