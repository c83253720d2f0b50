//! The programs of `examples/` and `gallery/` and their configurations, as a user finds them or with longer times.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::dir::TempDir;
use crate::haproxies::Haproxy;
use crate::proxy::{Proxy, Setup};

/// Returns the command that runs an example, built from its present source: add arguments and give it to
/// [`Process::start`](crate::Process::start).
pub fn example(name: &str) -> Command {
    program(&built().join("examples").join(name))
}

/// Returns the command `spop`, built from its present source.
pub fn spop() -> Command {
    program(&built().join("spop"))
}

/// Returns the command that runs an agent of `gallery/`, built from its present source.
pub fn gallery(name: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let entries = std::fs::read_dir(workspace().join("gallery")).expect("gallery is there");
        let agents = entries.map(|entry| entry.expect("an entry"));
        let agents = agents.filter(|agent| agent.path().join("Cargo.toml").exists());
        let agents = agents.map(|agent| agent.file_name().into_string().expect("text"));
        build(&agents.collect::<Vec<_>>())
    });
    program(&folder.join(name))
}

/// Builds the examples and `spop`, and returns the folder of programs.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&[]))
}

/// Builds the examples, `spop` and more programs, and returns the folder of programs.
fn build(programs: &[String]) -> PathBuf {
    // The same targets with the same features as `cargo test --workspace` has built, so that only the examples are left
    // after that: it has built those that have tests as tests.
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo tells a test about its package. A build script that reads these variables would run again, and with it
    // the build of every crate above it.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|start| name.starts_with(start))
        {
            cargo.env_remove(&*name);
        }
    }
    let built = cargo
        .args([
            "build",
            "--workspace",
            "--examples",
            "--bin",
            "spop",
            "--quiet",
        ])
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .current_dir(workspace())
        .stdin(Stdio::null())
        .output();
    let built = built.unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the programs do not build:\n{said}");
    // Tests are in `target/debug/deps`, examples in `target/debug/examples`.
    let test = env::current_exe().expect("a test knows where it is");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("a test is in `deps`");
    profile.to_owned()
}

fn program(path: &Path) -> Command {
    assert!(path.is_file(), "there is no {}", path.display());
    let mut command = Command::new(path);
    // It is to do what it does for a reader, whatever the environment says to agents.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("SPOA_") {
            command.env_remove(name);
        }
    }
    command
}

/// A directory with a `haproxy.cfg` and a `spoe.conf` of the user's own.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    front: SocketAddr,
}

impl Directory {
    /// Returns the directory at this path of the project, such as `examples/ip-reputation`. `front` is the
    /// address its frontend is configured with.
    ///
    /// Its ports are fixed: take them with [`Port::fixed`](crate::Port::fixed) first.
    pub fn new(path: &str, front: &str) -> Directory {
        let front = front
            .parse()
            .unwrap_or_else(|_| panic!("`{front}` is not an address and port"));
        Directory {
            path: workspace().join(path),
            front,
        }
    }

    /// Returns the output of `haproxy -c -f haproxy.cfg` there, as a user would run it. It says only that the
    /// configuration is valid, if it is.
    pub fn check(&self, haproxy: &Haproxy) -> String {
        let checked = Command::new(haproxy.path())
            .args(["-c", "-f", "haproxy.cfg"])
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .output();
        let checked = checked.unwrap_or_else(|error| panic!("{haproxy} does not run: {error}"));
        let said = [checked.stdout, checked.stderr].concat();
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// Runs HAProxy there, as `haproxy -f haproxy.cfg` does, and waits until it serves.
    pub fn start(&self, haproxy: &Haproxy) -> Proxy {
        self.launch(haproxy, self.path.clone(), TempDir::new())
    }

    /// Runs HAProxy as [`start`](Self::start) does, but on copies of the files, with longer times: on a busy machine,
    /// an answer or a health check that is late says nothing about the agent. It copies no folders.
    pub fn start_patiently(&self, haproxy: &Haproxy) -> Proxy {
        let dir = TempDir::new();
        self.copy_patiently(&dir)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        self.launch(haproxy, dir.path().to_owned(), dir)
    }

    fn copy_patiently(&self, dir: &TempDir) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let (from, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            if name == "haproxy.cfg" || name == "spoe.conf" {
                let text = std::fs::read_to_string(from)?;
                let patient = patient(&text);
                for (time, longer) in [
                    ("timeout processing", "timeout processing 10s"),
                    ("default-server check", "timeout check 10s"),
                ] {
                    let is_longer = patient.contains(&format!("\n    {longer}\n"));
                    assert!(is_longer || !text.contains(&format!(" {time} ")), "{text}");
                }
                dir.write(&name.to_string_lossy(), &patient);
            } else if from.is_file() {
                std::fs::copy(from, dir.path().join(name))?;
            }
        }
        Ok(())
    }

    fn launch(&self, haproxy: &Haproxy, cwd: PathBuf, dir: TempDir) -> Proxy {
        let setup = Setup {
            haproxy: haproxy.clone(),
            config: cwd.join("haproxy.cfg"),
            cwd,
            front: self.front,
            master_worker: false,
            dir,
        };
        Proxy::launch(setup)
            .unwrap_or_else(|said| panic!("{haproxy} in {}:\n{said}", self.path.display()))
    }
}

/// Returns the text of a file that `config` wrote, with longer times. A client waits for 30 s, which is longer than two
/// events without an answer.
fn patient(text: &str) -> String {
    let mut patient = String::new();
    for line in text.lines() {
        patient.push_str(if line.starts_with("    timeout processing ") {
            "    timeout processing 10s"
        } else if line.starts_with("    default-server check ") {
            assert_eq!(line, "    default-server check inter 500ms fall 2 rise 1");
            "    timeout check 10s\n    default-server check inter 500ms fall 4 rise 1"
        } else {
            line
        });
        patient.push('\n');
    }
    patient
}

/// Returns the top of the project.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is a member of a workspace")
}
