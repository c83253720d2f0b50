//! A child process that never outlives this one, however this one ends.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use tokio::sync::watch::{Receiver, channel};

/// A script that runs a program and kills it when the script's standard input ends. That pipe ends with this
/// process, even if a signal that cannot be caught kills it. The first argument is a folder that is removed
/// in the end, or empty.
const GUARD: &str = r#"folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- 2>&1 &
child=$!
(read -r _ <&3; kill -KILL $child) 2>/dev/null &
guard=$!
exec 3<&- 2>/dev/null
wait $child
status=$?
kill $guard 2>/dev/null
[ -z "$folder" ] || rm -rf -- "$folder"
exit $status"#;

/// A running program. It is killed when the value is dropped, and when this process ends for whatever reason.
///
/// ```
/// use spoa_tools::guarded::Guarded;
/// use std::process::Command;
///
/// let (line, lines) = std::sync::mpsc::channel();
/// let mut command = Command::new("sh");
/// command.args(["-c", "echo ready; sleep 60"]);
/// let mut program = Guarded::start(&command, None, move |text| drop(line.send(text.to_owned())))?;
/// assert_eq!(lines.recv().unwrap(), "ready");
/// // The status of a shell for a child that SIGKILL has ended.
/// assert_eq!(program.stop(), Some(137));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Guarded {
    /// The shell that runs the script.
    shell: Child,
    /// The pipe that keeps the program running while it is open.
    lifeline: Option<ChildStdin>,
    ended: Receiver<bool>,
}

impl Guarded {
    /// Starts a program: its arguments, variables and folder are those of `command`, whose streams are not used.
    /// A thread passes each line that it prints to `line`. `folder` is removed after the program has ended.
    ///
    /// # Errors
    /// An error if there is no `/bin/sh`, or no more processes or threads can be started.
    pub fn start(
        command: &Command,
        folder: Option<&Path>,
        mut line: impl FnMut(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", GUARD, "sh"]);
        shell.arg(folder.unwrap_or_else(|| Path::new("")));
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            shell.current_dir(directory);
        }
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Ctrl-C reaches this process alone, which then ends the program.
            .process_group(0)
            .spawn()?;
        let (told, ended) = channel(false);
        if let Some(printed) = shell.stdout.take() {
            std::thread::Builder::new()
                .name("spoa-guarded".to_owned())
                .spawn(move || {
                    let mut printed = BufReader::new(printed);
                    let mut bytes = Vec::new();
                    while printed
                        .read_until(b'\n', &mut bytes)
                        .is_ok_and(|length| length > 0)
                    {
                        line(String::from_utf8_lossy(&bytes).trim_end());
                        bytes.clear();
                    }
                    let _ = told.send(true);
                })?;
        }
        Ok(Guarded {
            lifeline: shell.stdin.take(),
            shell,
            ended,
        })
    }

    /// Returns whether the program has ended and all of its lines have been passed on.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Waits until the program has ended by itself.
    pub async fn ended(&self) {
        // A closed channel means that the output has ended, too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Kills the program and returns its exit status.
    pub fn stop(&mut self) -> Option<i32> {
        drop(self.lifeline.take());
        self.shell.wait().ok()?.code()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_has_the_environment_and_the_folder_of_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = shell("echo \"$GUARDED $HOME\"; pwd; exit 3");
        command.env("GUARDED", "yes").env_remove("HOME");
        command.current_dir(folder.path());
        let (line, lines) = std::sync::mpsc::channel();
        let mut program =
            Guarded::start(&command, None, move |it| drop(line.send(it.to_owned()))).unwrap();
        let lines: Vec<_> = lines.into_iter().collect();
        assert_eq!(program.shell.wait().unwrap().code(), Some(3));
        let path = folder.path().canonicalize().unwrap();
        assert_eq!(lines, ["yes", path.to_str().unwrap()]);
        assert_eq!(program.stop(), Some(3));
    }

    #[test]
    fn a_folder_is_removed_after_the_program() {
        let folder = tempfile::tempdir().unwrap().keep();
        std::fs::write(folder.join("a"), "b").unwrap();
        let mut program = Guarded::start(&shell("sleep 60"), Some(&folder), |_| {}).unwrap();
        assert!(folder.exists());
        program.stop();
        assert!(!folder.exists());
    }
}
