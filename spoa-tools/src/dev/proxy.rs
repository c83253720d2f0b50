//! HAProxy as a child of the agent's process, which it never outlives.

use super::watch::Watch;
use crate::haproxy::Haproxy;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::watch::{Receiver, channel};

/// A script that runs HAProxy and kills it when the script's standard input ends. That pipe ends with the
/// agent's process, even if a signal that cannot be caught kills it.
const GUARD: &str = r#"exec 3<&0
"$@" </dev/null 3<&- 2>&1 &
haproxy=$!
(read -r _ <&3; kill -KILL $haproxy) 2>/dev/null &
guard=$!
exec 3<&- 2>/dev/null
wait $haproxy
status=$?
kill $guard 2>/dev/null
exit $status"#;

/// The time that HAProxy has to start listening.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running HAProxy.
#[derive(Debug)]
pub(super) struct Proxy {
    guard: Child,
    /// The pipe that keeps HAProxy running while it is open.
    lifeline: Option<ChildStdin>,
    ended: Receiver<bool>,
    watch: Arc<Watch>,
}

impl Proxy {
    /// Starts HAProxy in the folder of its configuration.
    pub(super) fn start(haproxy: &Haproxy, config: &Path, watch: Arc<Watch>) -> io::Result<Self> {
        let (config, program) = (config.canonicalize()?, which(&haproxy.path)?);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARD, "sh"]).arg(program);
        command.args(["-db", "-f"]).arg(&config);
        if let Some(directory) = config.parent() {
            command.current_dir(directory);
        }
        let mut guard = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Ctrl-C reaches the agent alone, which then ends HAProxy.
            .process_group(0)
            .spawn()?;
        let (told, ended) = channel(false);
        if let Some(lines) = guard.stdout.take() {
            let watch = Arc::clone(&watch);
            std::thread::Builder::new()
                .name("spoa-haproxy".to_owned())
                .spawn(move || {
                    let mut lines = BufReader::new(lines);
                    let mut line = Vec::new();
                    while lines
                        .read_until(b'\n', &mut line)
                        .is_ok_and(|length| length > 0)
                    {
                        watch.printed(String::from_utf8_lossy(&line).trim_end());
                        line.clear();
                    }
                    let _ = told.send(true);
                })?;
        }
        Ok(Proxy {
            lifeline: guard.stdin.take(),
            guard,
            ended,
            watch,
        })
    }

    /// Waits until HAProxy listens on an address.
    pub(super) async fn ready(&mut self, front: SocketAddr) -> Result<(), String> {
        let start = Instant::now();
        while TcpStream::connect(front).await.is_err() {
            if *self.ended.borrow() {
                return Err("HAProxy did not start: its output is above".to_owned());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!(
                    "HAProxy does not listen on {front} after {PATIENCE:?}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until HAProxy has ended by itself.
    pub(super) async fn ended(&self) {
        // A closed channel means that the output of HAProxy has ended, too.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Ends HAProxy and returns its exit status.
    pub(super) fn stop(&mut self) -> Option<i32> {
        self.watch.close();
        drop(self.lifeline.take());
        self.guard.wait().ok()?.code()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns the full path of the program, since it is started in another folder.
fn which(program: &Path) -> io::Result<PathBuf> {
    program.canonicalize()
}
