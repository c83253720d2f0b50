//! A folder in which the commands of one page run, with the programs that the page names.

use crate::output::fits;
use spoa_tests::{Authority, PATIENCE, Process, TempDir, example, gallery, haproxies, spop};
use spoa_tidy::commands::{Check, Command as Shown};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// `cargo run -p spoa-examples --example NAME -- …` without a build, and `cargo run -- …` in a folder of the gallery.
const CARGO: &str = r#"cargo() {
    local program=my-agent
    [ "$1" = run ] || { echo "only cargo run is known" >&2; return 2; }
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --example) program=$EXAMPLES/$2; shift 2 ;;
            -p) shift 2 ;;
            --) shift; break ;;
            *) echo "unknown: $1" >&2; return 2 ;;
        esac
    done
    exec "$program" "$@"
}
"#;

/// Returns the top of the project.
pub(crate) fn top() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    top.expect("the tests are below it").to_owned()
}

/// A folder with programs, and what runs there.
pub(crate) struct Sandbox {
    dir: TempDir,
    /// Where the next command runs.
    cwd: PathBuf,
    /// The name of the agent that the page calls `my-agent`.
    agent: String,
    /// The variables of the environment that the page sets.
    variables: Vec<(String, String)>,
    servers: Vec<Server>,
}

/// A program that runs until the end of the page.
struct Server {
    program: String,
    process: Process,
    /// The command on the page, and the lines that it has to print before it ends.
    logs: Option<(String, Vec<String>)>,
}

impl Sandbox {
    /// Makes one in which `my-agent` is this program, whose agent has a name of its own.
    pub(crate) fn new(agent: &Command, name: &str) -> Sandbox {
        let dir = TempDir::new();
        for folder in ["bin", "etc/haproxy", "etc/spoa", "run"] {
            fs::create_dir_all(dir.join(folder)).expect("a folder");
        }
        let haproxy = haproxies().last().expect("there is a HAProxy").path();
        let agent = Path::new(agent.get_program());
        for (name, program) in [
            ("spop", spop().get_program().as_ref()),
            ("haproxy", haproxy),
            ("my-agent", agent),
        ] {
            symlink(program, dir.join("bin").join(name)).expect("a link");
        }
        // Without it, curl shows its progress in a pipe.
        dir.write(".curlrc", "silent\n");
        Sandbox {
            cwd: dir.path().to_owned(),
            agent: name.to_owned(),
            variables: Vec::new(),
            servers: Vec::new(),
            dir,
        }
    }

    /// Makes one for a page whose commands begin at the top of the project.
    pub(crate) fn at_the_top() -> Sandbox {
        let mut sandbox = Sandbox::new(&example("ip-reputation"), "ip-reputation");
        sandbox.cwd = top();
        sandbox
    }

    /// Makes one for the page of an agent of the gallery, in a copy of its folder.
    pub(crate) fn in_the_gallery(name: &str) -> Sandbox {
        let agent = gallery(name);
        let mut sandbox = Sandbox::new(&agent, name);
        symlink(agent.get_program(), sandbox.dir.join("bin").join(name)).expect("a link");
        sandbox.cwd = sandbox.dir.join(name);
        copy(&top().join("gallery").join(name), &sandbox.cwd);
        sandbox
    }

    /// Sets a variable of the environment for the commands from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Returns its folder.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.dir.write(name, text);
    }

    /// Writes HAProxy's side of `my-agent` into a folder.
    pub(crate) fn configure(&self, folder: &str) {
        // The path of spoe.conf is a full one: other commands of the page write files of this name elsewhere.
        self.must(&format!(
            "my-agent config --force --spoe-file /{folder}/spoe.conf --output {folder}"
        ));
    }

    /// Writes a certificate of the agent and the authority of HAProxy's into a folder.
    pub(crate) fn certificates(&self, folder: &str) {
        let authority = Authority::new("authority");
        self.write(&format!("{folder}/agent.pem"), &authority.agent().both());
        self.write(&format!("{folder}/haproxy-ca.pem"), &authority.pem());
    }

    /// Returns a shell that runs a command as a page has it.
    fn shell(&self, command: &str) -> Command {
        let dir = self.dir.path().display();
        let command = command
            .replace("/etc/", &format!("{dir}/etc/"))
            .replace("@/run/", &format!("@{dir}/run/"))
            .replace("/run/clamav/", &format!("{dir}/run/clamav/"));
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{CARGO}{command}")]);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SPOA_") {
                shell.env_remove(name);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let examples = example("multi");
        let examples = Path::new(examples.get_program()).parent();
        shell
            // Bash complains of a locale that is not installed.
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", format!("{dir}/bin:{path}"))
            .env("EXAMPLES", examples.expect("it is in a folder"))
            .env("CURL_HOME", self.dir.path())
            .env_remove("RUST_BACKTRACE")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd)
            .stdin(Stdio::null());
        shell
    }

    /// Returns the lines of an output, with the names that the page has.
    fn lines(&self, output: &str) -> Vec<String> {
        let dir = self.dir.path().display().to_string();
        let lines = output.lines().map(|line| {
            let line = line.trim_end_matches('\r').replace(&dir, "");
            let line = line.replace(&self.agent, "my-agent");
            line.replace(&self.agent.replace('-', "_"), "my_agent")
        });
        lines.collect()
    }

    /// Runs a command that has to succeed, and returns what it prints on standard output.
    pub(crate) fn must(&self, command: &str) -> String {
        let output = self.shell(command).output().expect("bash runs");
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command of the page as a check says.
    pub(crate) fn run(&mut self, shown: &Shown, check: &Check) {
        let place = format!("{}:{}: {}", shown.page, shown.line, shown.text);
        if let Some(folder) = shown.text.strip_prefix("cd ") {
            self.cwd = self.cwd.join(folder);
            assert!(self.cwd.is_dir(), "{place}");
            return;
        }
        let command = shown.text.trim_end_matches(" &");
        if let Check::Parses(_) = check {
            self.must(&format!("{command} --help"));
            return;
        }
        if let Some(name) = variable(command) {
            let value = self.must(&format!("{command}\nprintf %s \"${name}\""));
            assert!(!value.is_empty(), "{place} sets nothing");
            self.set(name, &value);
            return;
        }
        if let Check::Logs(ready) = check {
            self.serve(command, ready);
            let server = self.servers.last_mut().expect("it was started");
            server.logs = Some((place, shown.output.clone()));
            return;
        }
        if let Check::Serves(ready) = check {
            let printed = self.serve(command, ready);
            let printed = self.lines(&printed.join("\n"));
            let shown = &shown.output;
            // It may print more than what the page shows.
            let begins = (0..=printed.len()).any(|end| fits(shown, &printed[..end], true));
            assert!(begins, "{place} printed {printed:#?}");
            return;
        }
        // HAProxy notices a while later that an agent has started or ended.
        let client = ["curl", "printf"]
            .iter()
            .any(|word| shown.text.starts_with(word));
        let start = Instant::now();
        loop {
            let ran = self.shell(&format!("{{ {}\n}} 2>&1", shown.text)).output();
            let ran = ran.expect("bash runs");
            let printed = self.lines(&String::from_utf8_lossy(&ran.stdout));
            let fits = shown.output.is_empty()
                || fits(
                    &self.lines(&shown.output.join("\n")),
                    &printed,
                    *check != Check::Numbers,
                );
            let ended = match check {
                Check::Run => ran.status.success(),
                Check::Fails => ran.status.code().is_some_and(|code| code > 0),
                _ => true,
            };
            if fits && ended {
                return;
            }
            assert!(
                client && start.elapsed() < PATIENCE,
                "{place} ended with {} and printed:\n{}",
                ran.status,
                printed.join("\n")
            );
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Starts a server, waits until it prints these words, and keeps it running. It takes the place of a server
    /// of the same program. Returns what it has printed.
    pub(crate) fn serve(&mut self, command: &str, ready: &str) -> Vec<String> {
        let program = program(command);
        let same = |server: &Server| server.program == program;
        if let Some(at) = self.servers.iter().position(same) {
            self.has_logged(&self.servers[at]);
            let mut old = self.servers.remove(at);
            old.process.signal("TERM");
            old.process.wait(PATIENCE);
        }
        let first = command.split(' ').next().unwrap_or_default();
        let exec = match command.contains("cargo ") {
            true => "",
            // A variable for this command alone.
            false if first.contains('=') => "exec env ",
            false => "exec ",
        };
        let process = Process::start(&mut self.shell(&format!("{exec}{command}")));
        if !ready.is_empty() {
            process.wait_for_line(ready);
        }
        let printed = process.output();
        self.servers.push(Server {
            program,
            process,
            logs: None,
        });
        printed
    }

    /// Returns whether a server runs.
    pub(crate) fn serves(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Waits until each server has printed what the page shows.
    pub(crate) fn finish(&self) {
        for server in &self.servers {
            self.has_logged(server);
        }
    }

    /// Waits until a server has printed what the page shows.
    fn has_logged(&self, server: &Server) {
        let Some((place, shown)) = &server.logs else {
            return;
        };
        // There may be other lines before and after them.
        let shown = self.lines(&format!("…\n{}\n…", shown.join("\n")));
        let start = Instant::now();
        loop {
            let printed = self.lines(&server.process.output().join("\n"));
            if fits(&shown, &printed, false) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{place} printed {printed:#?}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Ends the server of a program, as Ctrl-C does.
    pub(crate) fn stop(&mut self, program: &str) {
        for server in &mut self.servers {
            if server.program == program {
                server.process.signal("INT");
                server.process.wait(PATIENCE);
            }
        }
        self.servers.retain(|server| server.program != program);
    }
}

/// Servers of the page may have children and files of their own.
impl Drop for Sandbox {
    fn drop(&mut self) {
        for Server { process, .. } in &mut self.servers {
            if process.is_running() {
                process.signal("TERM");
                process.wait_at_most(PATIENCE / 10);
            }
        }
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).expect("a file can be copied");
        }
    }
}

/// Returns the name of the variable that a command sets for those after it.
fn variable(command: &str) -> Option<&str> {
    let exported = command.strip_prefix("export ");
    let (name, value) = exported.unwrap_or(command).split_once('=')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let alone = exported.is_some() || value.starts_with("$(");
    (is_name && alone).then_some(name)
}

/// Returns the name of the program that a command runs.
fn program(command: &str) -> String {
    let mut words = command
        .split_whitespace()
        .filter(|word| !word.contains('='));
    let first = words.next().unwrap_or_default();
    let example = words.skip_while(|word| *word != "--example").nth(1);
    example.unwrap_or(first).to_owned()
}
