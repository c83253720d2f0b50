//! A child process whose output is kept, and which does not outlive the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::{PATIENCE, eventually};

/// A running program: HAProxy, or an agent under test.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

/// The output of the program so far, standard output and standard error together.
#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Process {
    /// Starts `command` with its output captured and without standard input.
    pub fn start(command: &mut Command) -> Process {
        Process::start_with(command, Stdio::null())
    }

    /// Starts it with this as its standard input.
    pub fn start_with(command: &mut Command, input: impl Into<Stdio>) -> Process {
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start `{name}`: {error}"));
        let output = Arc::new(Output::default());
        output.follow(child.stdout.take().expect("stdout is a pipe"));
        output.follow(child.stderr.take().expect("stderr is a pipe"));
        Process {
            name,
            child,
            output,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the lines it has printed so far, on standard output and standard error.
    pub fn output(&self) -> Vec<String> {
        self.output.lock().clone()
    }

    /// Waits for a line that contains `text`, and returns the first. Panics after [`PATIENCE`].
    pub fn wait_for_line(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lock();
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let said = lines.join("\n");
                drop(lines);
                panic!(
                    "`{}` did not print `{text}`; it printed:\n{said}",
                    self.name
                );
            }
            lines = self
                .output
                .grown
                .wait_timeout(lines, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(lines, _)| lines);
        }
    }

    /// Sends it a signal by name, such as `"TERM"` or `"USR1"`.
    pub fn signal(&self, name: &str) {
        let sent = send_signal(self.id(), name);
        assert!(sent, "`{}` got no SIG{name}", self.name);
        // The system stops a process a moment after the signal is sent, one thread after the other.
        if name == "STOP" {
            eventually("the process has stopped", || self.is_stopped());
        }
    }

    /// Returns whether SIGSTOP has reached all of its threads.
    fn is_stopped(&self) -> bool {
        let tasks = format!("/proc/{}/task", self.id());
        let Ok(tasks) = std::fs::read_dir(tasks) else {
            // Only Linux has this folder.
            return true;
        };
        tasks.flatten().all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat"));
            // The name of a thread is in parentheses and may have any character in it.
            stat.is_ok_and(|stat| {
                stat.rsplit_once(')')
                    .is_some_and(|(_, rest)| rest.starts_with(" T"))
            })
        })
    }

    /// Returns whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end, and panics if it does not come within `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        match self.wait_at_most(limit) {
            Some(status) => status,
            None => panic!(
                "`{}` had not ended after {limit:?}; it printed:\n{}",
                self.name,
                self.output().join("\n")
            ),
        }
    }

    /// Its exit status if it ends within `limit`.
    pub fn wait_at_most(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if start.elapsed() >= limit => return None,
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => panic!("cannot wait for `{}`: {error}", self.name),
            }
        }
    }

    /// Stops an agent by SIGTERM, after which it must end well. Returns the lines it has warned with, but for
    /// those about handlers that were late, as they may be on a busy machine.
    pub fn stop_agent(mut self) -> Vec<String> {
        self.signal("TERM");
        // Its last line: what it has said before has been read then as well.
        self.wait_for_line("INFO stopped");
        assert!(self.wait(PATIENCE).success());
        let mut lines = self.output();
        lines.retain(|line| {
            let warns = line.contains(" WARN ") || line.contains(" ERROR ");
            // Each other failure has a line of its own, before it is counted in one about several.
            warns && !line.contains("timed out: ")
        });
        lines
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, without standard input. Kills it and panics if the end does not come within
/// [`PATIENCE`], so that a program which serves where it should fail does not stop all tests.
pub fn ended(command: &mut Command) -> std::process::Output {
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = spawned.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let id = child.id();
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || end.send(child.wait_with_output()));
    let output = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        // It may have ended just now.
        let _ = send_signal(id, "KILL");
        let said = match ended.recv_timeout(Duration::from_secs(1)) {
            Ok(Ok(output)) => [output.stdout, output.stderr].concat(),
            _ => b"(a child of the command still has its output)".to_vec(),
        };
        let said = String::from_utf8_lossy(&said);
        panic!("{command:?} had not ended after {PATIENCE:?}; it printed:\n{said}")
    });
    output.unwrap_or_else(|error| panic!("cannot read what {command:?} prints: {error}"))
}

/// Sends a signal by name to a process; returns `false` if that fails.
#[must_use]
fn send_signal(process: u32, name: &str) -> bool {
    // A shell's own `kill` is there on every system; the program of that name need not be.
    let kill = format!("kill -{name} {process}");
    let sent = Command::new("sh").arg("-c").arg(&kill).status();
    sent.is_ok_and(|status| status.success())
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(self: &Arc<Output>, pipe: impl Read + Send + 'static) {
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe
                .read_until(b'\n', &mut line)
                .is_ok_and(|length| length > 0)
            {
                let text = String::from_utf8_lossy(&line);
                output
                    .lock()
                    .push(text.trim_end_matches(['\r', '\n']).to_owned());
                output.grown.notify_all();
                line.clear();
            }
        });
    }
}
