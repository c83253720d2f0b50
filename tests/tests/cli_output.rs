//! Output that the program cannot write: a full disk, a closed pipe.

mod common;

use common::{Said, fixture, said};
use spoa_tests::TempDir;
use std::fs::{self, File};
use std::process::{Command, Stdio};

/// The commands that print a result.
const PRINTING: [&[&str]; 9] = [
    &["handlers"],
    &["handlers", "--json"],
    &["config", "--haproxy=3.2", "--server=127.0.0.1:12345"],
    &["docs"],
    &["call", "greet"],
    &["call", "--json", "greet"],
    &["--help"],
    &["call", "--help"],
    &["--version"],
];

fn full() -> Stdio {
    let full = File::options().write(true).open("/dev/full");
    full.expect("the system has a device that is full").into()
}

#[test]
fn a_full_disk_is_an_error() {
    for args in PRINTING {
        let child = fixture()
            .args(args)
            .stdout(full())
            .stderr(Stdio::piped())
            .spawn();
        let output = child.expect("it runs").wait_with_output();
        let output = output.expect("it ends");
        let err = String::from_utf8(output.stderr).expect("it prints text");
        assert_eq!(
            err, "error: cannot write to standard output: No space left on device (os error 28)\n",
            "{args:?}"
        );
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = fixture()
            .args(args)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn();
        let output = child.expect("it runs").wait_with_output();
        let output = output.expect("it ends");
        let err = String::from_utf8(output.stderr).expect("it prints text");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {err}");
        // Nothing else is written there.
        let mut lines = err.lines();
        assert!(lines.all(|line| line.starts_with("warning: ")), "{err}");
    }
}

/// The agent's `config --output`.
fn config(directory: &str) -> Said {
    let wired = ["config", "--haproxy=3.2", "--server=127.0.0.1:12345"];
    said(fixture().args(wired).args(["--output", directory]))
}

/// Writes other files than `config`, with at most 512 bytes in each. A file that would not change is not written.
fn config_on_a_full_disk(directory: &str) -> Command {
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" config --haproxy=3.0 --server=127.0.0.1:12345 --output \"$1\"";
    let mut command = common::program("/bin/sh");
    command.args([
        "-c",
        limited,
        env!("CARGO_BIN_EXE_agent-fixture"),
        directory,
    ]);
    command
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let dir = TempDir::new();
    let output = dir.join("haproxy").display().to_string();
    let names = || {
        let entries = fs::read_dir(&output).expect("it is there").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };

    let failed = said(&mut config_on_a_full_disk(&output));
    assert_eq!((failed.status, failed.out.as_str()), (Some(2), ""));
    assert!(
        failed
            .err
            .contains(&format!("error: cannot write `{output}/")),
        "{}",
        failed.err
    );
    assert_eq!(names(), [""; 0]);

    assert_eq!(config(&output).status, Some(0));
    assert_eq!(names(), ["haproxy.cfg", "spoe.conf"]);
    let files = ["haproxy.cfg", "spoe.conf"].map(|name| format!("{output}/{name}"));
    let read = || {
        files
            .clone()
            .map(|file| fs::read_to_string(file).expect("a text"))
    };
    let before = read();
    assert!(before[0].len() > 512 && before[1].len() > 10, "{before:?}");

    assert_eq!(said(&mut config_on_a_full_disk(&output)).status, Some(2));
    assert_eq!(read(), before);
    assert_eq!(names(), ["haproxy.cfg", "spoe.conf"]);
    assert_eq!(config(&output).status, Some(0));
}

#[test]
fn files_written_again_keep_their_place_and_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = TempDir::new();
    let output = dir.join("haproxy").display().to_string();
    assert_eq!(config(&output).status, Some(0));
    let mode = |file: &str| {
        fs::metadata(file)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    let (conf, cfg) = (
        format!("{output}/spoe.conf"),
        format!("{output}/haproxy.cfg"),
    );
    // As any file that is made, for HAProxy is to read it.
    let usual = dir.write("usual", "");
    assert_eq!(mode(&cfg), mode(&usual.display().to_string()));

    fs::set_permissions(&cfg, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let elsewhere = dir.join("elsewhere.conf");
    fs::rename(&conf, &elsewhere).expect("it is ours");
    symlink(&elsewhere, &conf).expect("nobody has the name");
    assert_eq!(config(&output).status, Some(0));
    assert_eq!(mode(&cfg), 0o640);
    assert!(
        fs::symlink_metadata(&conf)
            .expect("it is there")
            .is_symlink()
    );
}
