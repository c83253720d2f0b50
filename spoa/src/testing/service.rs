//! Programs that an agent depends on, run by its tests.

use super::eventually::eventually;
use super::log::Log;
use super::port::Port;
use spoa_tools::guarded::Guarded;
use std::fmt;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// The time that a program may take until it is ready.
const READY: Duration = Duration::from_secs(60);

/// The time that a line of a program may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes its process id, then becomes the program.
const WITH_ID: &str = "echo $$; exec \"$@\"";

/// Returns a TCP port of 127.0.0.1 that no other test gets while this process runs, for a [`Service`] that is started
/// later or several times.
///
/// ```
/// let (one, other) = (spoa::testing::free_port(), spoa::testing::free_port());
/// assert_ne!(one, other);
/// ```
///
/// # Panics
/// If no port is free.
#[track_caller]
#[must_use]
pub fn free_port() -> u16 {
    let port = Port::free().unwrap_or_else(|error| panic!("{error}"));
    let number = port.address().port();
    // The port is held until the process ends.
    std::mem::forget(port);
    number
}

/// A running program that an agent depends on: a database, a server. Features `testing` and `tools`.
///
/// The program is killed when the value is dropped, and also if the process of the test is killed. So a test can have
/// its agent meet a service that is down, hangs, or comes back.
/// Processes that the program has started are not killed: nginx, for example, needs `master_process off`.
///
/// ```no_run
/// use spoa::testing::{Service, free_port};
/// use std::process::Command;
///
/// let port = free_port();
/// let redis = || {
///     let mut command = Command::new("redis-server");
///     command.args(["--save", "", "--port", &port.to_string()]);
///     Service::start(&command, port)
/// };
/// let first = redis();
/// first.pause(); // It hangs: connections open, but nothing answers.
/// first.resume();
/// drop(first); // It is killed.
/// let second = redis(); // It is back, at its old address.
/// ```
pub struct Service {
    id: String,
    log: Log,
    #[allow(dead_code, reason = "the program ends when this is dropped")]
    program: Guarded,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Starts a program, and waits until it listens on a port of 127.0.0.1.
    ///
    /// # Panics
    /// If the program is not installed, ends before it listens, or does not listen after a minute. The panic has the
    /// lines that the program printed.
    #[track_caller]
    #[must_use = "the program is killed when the value is dropped"]
    pub fn start(command: &Command, port: u16) -> Self {
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        Service::start_when(command, listens)
    }

    /// Starts a program, and waits until a condition is true: for one that listens on a unix socket, or takes a while
    /// until it answers.
    ///
    /// ```
    /// use spoa::testing::Service;
    /// use std::process::Command;
    ///
    /// let file = std::env::temp_dir().join(format!("started-{}", std::process::id()));
    /// let mut command = Command::new("sh");
    /// command.arg("-c").arg(format!("echo hello; touch {}; sleep 60", file.display()));
    /// let service = Service::start_when(&command, || file.exists());
    /// assert_eq!(service.wait_for_log("hello"), "hello");
    /// # std::fs::remove_file(file).unwrap();
    /// ```
    ///
    /// # Panics
    /// If the program is not installed, or ends before the condition is true, or if the condition is not true after a
    /// minute. The panic has the lines that the program printed.
    #[track_caller]
    #[must_use = "the program is killed when the value is dropped"]
    pub fn start_when(command: &Command, mut ready: impl FnMut() -> bool) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut with_id = Command::new("/bin/sh");
        with_id.args(["-c", WITH_ID, "sh"]);
        with_id.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => with_id.env(name, value),
                None => with_id.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            with_id.current_dir(folder);
        }
        let (log, mut first) = (Log::default(), true);
        let (sender, id) = std::sync::mpsc::channel();
        let lines = log.clone();
        let program = Guarded::start(&with_id, None, move |line| {
            if std::mem::take(&mut first) {
                // Nobody waits for it if the start has failed.
                let _ = sender.send(line.to_owned());
            } else {
                lines.add(line);
            }
        });
        let program = program.unwrap_or_else(|error| panic!("cannot start `{name}`: {error}"));
        let ended = |log: &Log| -> ! {
            let said = log.lines().join("\n");
            panic!("`{name}` is not installed, or ended before it was ready; it printed:\n{said}")
        };
        let Ok(id) = id.recv_timeout(PATIENCE) else {
            ended(&log)
        };
        let service = Service { id, log, program };
        let start = Instant::now();
        while !ready() {
            if service.program.has_ended() {
                ended(&service.log);
            }
            assert!(
                start.elapsed() < READY,
                "`{name}` is not ready after {READY:?}; it printed:\n{}",
                service.log().join("\n")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        service
    }

    /// Halts the program with SIGSTOP: its connections stay open, and nothing answers until [`resume`](Self::resume).
    ///
    /// # Panics
    /// If the program has ended.
    #[track_caller]
    pub fn pause(&self) {
        self.signal("STOP");
        // The signal does not take effect at once.
        let state = format!("/proc/{}/stat", self.id);
        eventually("the program is halted", || {
            std::fs::read_to_string(&state).is_ok_and(|state| state.contains(") T "))
        });
    }

    /// Lets a halted program go on.
    ///
    /// # Panics
    /// If the program has ended.
    #[track_caller]
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Sends a signal to the program, such as `HUP`.
    ///
    /// # Panics
    /// If the program has ended, or there is no such signal.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id);
        let status = Command::new("/bin/sh").args(["-c", &kill]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "`{kill}` failed"
        );
    }

    /// Returns the lines that the program has printed so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Waits for a line with a text, and returns the first.
    ///
    /// # Panics
    /// If no such line comes for 20 seconds.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) -> String {
        match self.log.wait_for(text, PATIENCE) {
            Some(line) => line,
            None => panic!(
                "the program did not print `{text}`; it printed:\n{}",
                self.log().join("\n")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_service_can_be_paused_and_resumed() {
        // A shell cannot trap HUP if it was ignored when it started, as under `nohup`.
        let script = "trap 'echo heard' USR1; echo up; while :; do sleep 0.01; done";
        let service = Service::start_when(&shell(script), || true);
        service.wait_for_log("up");
        service.pause();
        service.signal("USR1");
        assert_eq!(service.log(), ["up"]);
        service.resume();
        service.wait_for_log("heard");
    }

    #[test]
    fn a_halted_service_is_killed() {
        let service = Service::start_when(&shell("echo up; sleep 60"), || true);
        service.wait_for_log("up");
        service.pause();
        let process = format!("/proc/{}", service.id);
        drop(service);
        assert!(!std::path::Path::new(&process).exists());
    }

    #[test]
    fn a_program_that_cannot_run_is_named_with_what_it_printed() {
        for (command, name, printed) in [
            (
                Command::new("no-such-program"),
                "no-such-program",
                "not found",
            ),
            (shell("echo no room; exit 3"), "sh", "no room"),
        ] {
            let start = || drop(Service::start_when(&command, || false));
            let panic = catch_unwind(AssertUnwindSafe(start)).unwrap_err();
            let text = panic.downcast_ref::<String>().unwrap();
            let first = format!("`{name}` is not installed, or ended before it was ready");
            assert!(text.starts_with(&first) && text.contains(printed), "{text}");
        }
    }
}
