//! `spop` as people run it: the binary, against an agent in this process, against agents that do
//! wrong, and on HAProxy's own frames.

mod agent;
mod bench;
mod call;
mod decode;
mod deployment;
mod explain;
mod new;
mod output;
mod probe;
mod record;
mod recorder;
mod tls;
mod tools;
mod top;

use std::io::Write;
use std::process::{Command, Stdio};

/// The result of a command.
struct Done {
    status: i32,
    out: String,
    err: String,
}

/// Runs `spop` with these words.
fn spop(words: &[&str]) -> Done {
    spop_with(words, b"")
}

/// Runs a command with something on its standard input.
fn spop_with(words: &[&str], input: &[u8]) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spop"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A reader that has seen enough reads no more.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    Done {
        status: output.status.code().expect("no signal ends it"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Runs something, and again, at most twice, if its result says that it had no turn on a busy machine.
fn again_if<T>(had_no_turn: impl Fn(&T) -> bool, run: impl Fn() -> T) -> T {
    let mut result = run();
    for _ in 0..2 {
        if had_no_turn(&result) {
            result = run();
        }
    }
    result
}

/// Runs `spop bench` by `run`, and again if it could not measure anything.
fn measured(run: impl Fn() -> Done) -> Done {
    let nothing = "nothing was answered in the measured time";
    again_if(|done: &Done| done.out.contains(nothing), run)
}

impl Done {
    /// Returns its output, if it succeeded without a complaint.
    fn good(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        assert!(
            !self.out.contains('\x1b'),
            "no colours in a pipe: {}",
            self.out
        );
        self.out
    }

    /// Returns its output as JSON.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

#[test]
fn without_a_command_spop_lists_its_commands() {
    let done = spop(&[]);
    assert_eq!(done.status, 2);
    for command in [
        "new", "bench", "call", "probe", "top", "record", "replay", "decode", "explain",
    ] {
        assert!(
            done.err.contains(&format!("\n  {command} ")),
            "{}",
            done.err
        );
        let help = spop(&[command, "--help"]).good();
        assert!(help.contains("Example"), "{help}");
    }
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let done = spop(&["benhc"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("'bench'"), "{}", done.err);
}
