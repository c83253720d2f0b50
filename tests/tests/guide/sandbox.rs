//! A folder in which the commands of one page run, with the programs that the page names.

use crate::output::fits;
use spoa_tests::{Authority, PATIENCE, Process, TempDir, example, haproxies, spop};
use spoa_tidy::commands::{Check, Command as Shown};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// `cargo run --example NAME -- …` without a build.
const CARGO: &str = r#"cargo() {
    [ "$1" = run ] || { echo "only cargo run is known" >&2; return 2; }
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --example) name=$2; shift 2 ;;
            -p) shift 2 ;;
            --) shift; break ;;
            *) echo "unknown: $1" >&2; return 2 ;;
        esac
    done
    exec "$EXAMPLES/$name" "$@"
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
    servers: Vec<(String, Process)>,
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
            .replace("@/run/", &format!("@{dir}/run/"));
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
            .current_dir(&self.cwd)
            .stdin(Stdio::null());
        shell
    }

    /// Returns the lines of an output, with the names that the page has.
    fn lines(&self, output: &str) -> Vec<String> {
        let dir = self.dir.path().display().to_string();
        let lines = output.lines().map(|line| {
            let line = line.trim_end_matches('\r').replace(&dir, "");
            line.replace(&self.agent, "my-agent")
        });
        lines.collect()
    }

    /// Runs a command that is not on the page. It has to succeed.
    pub(crate) fn must(&self, command: &str) {
        let output = self.shell(command).output().expect("bash runs");
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// Runs a command of the page as a check says.
    pub(crate) fn run(&mut self, shown: &Shown, check: &Check) {
        let place = format!("{}:{}: {}", shown.page, shown.line, shown.text);
        if let Some(folder) = shown.text.strip_prefix("cd ") {
            self.cwd = self.cwd.join(folder);
            assert!(self.cwd.is_dir(), "{place}");
            return;
        }
        if let Check::Serves(ready) = check {
            let printed = self.serve(&shown.text, ready);
            let printed = self.lines(&printed.join("\n"));
            let shown = &shown.output;
            let begin = printed.get(..shown.len()).unwrap_or_default();
            assert!(fits(shown, begin, true), "{place} printed {printed:#?}");
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
        self.servers.retain_mut(|(name, server)| {
            let same = *name == program;
            if same {
                server.signal("TERM");
                server.wait(PATIENCE);
            }
            !same
        });
        let exec = if command.contains("cargo ") {
            ""
        } else {
            "exec "
        };
        let server = Process::start(&mut self.shell(&format!("{exec}{command}")));
        if !ready.is_empty() {
            server.wait_for_line(ready);
        }
        let printed = server.output();
        self.servers.push((program, server));
        printed
    }

    /// Ends the server of a program, as Ctrl-C does.
    pub(crate) fn stop(&mut self, program: &str) {
        for (name, server) in &mut self.servers {
            if name == program {
                server.signal("INT");
                server.wait(PATIENCE);
            }
        }
        self.servers.retain(|(name, _)| name != program);
    }
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
