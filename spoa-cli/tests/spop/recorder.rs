//! A running `spop record`, for tests.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running `spop record`. Dropping it ends it.
pub(crate) struct Recorder {
    child: Child,
    pub(crate) address: String,
    dir: tempfile::TempDir,
}

impl Recorder {
    pub(crate) fn start(agent: &str, options: &[&str]) -> Recorder {
        let dir = tempfile::tempdir().expect("there is room for a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_spop"))
            .args(["record", agent])
            .arg(dir.path().join("traffic.jsonl"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stderr = child.stderr.as_mut().expect("it is piped");
        let mut line = String::new();
        BufReader::with_capacity(1, stderr)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim_end().strip_prefix("recording: listening on ");
        let address = address
            .unwrap_or_else(|| panic!("it said: {line}"))
            .to_owned();
        Recorder {
            child,
            address,
            dir,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("traffic.jsonl")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the recording can be read")
    }

    /// Ends it as a service manager does. Returns its status, output and errors.
    pub(crate) fn stop(&mut self) -> (i32, String, String) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.expect("`kill` runs").success());
        let (mut out, mut err) = (String::new(), String::new());
        let stdout = self.child.stdout.as_mut().expect("it is piped");
        stdout.read_to_string(&mut out).expect("it writes UTF-8");
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut err).expect("it writes UTF-8");
        let status = self.child.wait().expect("it ends").code();
        (status.expect("no signal ends it"), out, err)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
