//! Tests that run others in processes of their own: they end badly, or find no HAProxy.

use crate::{broken, check};
use spoa::agent::Agent;
use spoa::prelude::*;
use spoa::testing::HaProxy;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a test in a process of its own, with a variable that says so.
fn alone(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test is a program"));
    command
        .args(["--exact", test, "--nocapture"])
        .env("HAPROXY_TEST_ALONE", "1");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn is_alone() -> bool {
    std::env::var_os("HAPROXY_TEST_ALONE").is_some()
}

/// Waits for something that has to become true.
fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the command lines of the processes that run in a folder, or name it in their command line.
fn processes_in(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("this is Linux").flatten();
    let mut found = Vec::new();
    for entry in entries {
        let directory = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        if directory.to_string_lossy().starts_with(folder) || words.contains(folder) {
            found.push(words);
        }
    }
    found
}

/// Runs in a process of its own: it prints where HAProxy runs, then panics, or waits until it is killed.
#[test]
fn a_test_that_ends_badly() {
    if !is_alone() {
        return;
    }
    let agent = Agent::builder().handlers(handlers![check, broken]);
    let haproxy = HaProxy::agent(agent).start();
    assert_eq!(haproxy.get("/").send().status, 200);
    // HAProxy logs a request after its response, on a busy machine much later.
    let _ = haproxy.wait_for_log("\"GET / HTTP/1.1\"");
    println!(
        "\nTEMPORARY {} {}",
        std::env::temp_dir().display(),
        haproxy.address()
    );
    if std::env::var_os("HAPROXY_TEST_PANICS").is_some() {
        panic!("as it should");
    }
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn nothing_is_left_of_a_test_that_is_killed_or_panics() {
    use std::io::{BufRead, BufReader};
    for end in ["kill", "panic"] {
        // A folder of its own, so that whatever is left is in it.
        let folder = std::env::temp_dir().join(format!("spoa-left-{end}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it can be made");
        let name = folder.to_str().expect("it is text");
        let mut command = alone("processes::a_test_that_ends_badly");
        command.env("TMPDIR", &folder);
        if end == "panic" {
            command.env("HAPROXY_TEST_PANICS", "1");
        }
        let mut child = command.spawn().expect("it runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let line = lines.find(|line| {
            line.as_ref()
                .is_ok_and(|line| line.starts_with("TEMPORARY "))
        });
        let line = line.expect("it gets so far").expect("it is text");
        let address = line.rsplit(' ').next().expect("it has words");
        if end == "kill" {
            assert!(!processes_in(name).is_empty(), "nothing was started");
            assert!(std::net::TcpStream::connect(address).is_ok());
            child.kill().expect("it can be killed");
        }
        let output = child.wait_with_output().expect("it ends");
        assert!(!output.status.success());
        eventually("HAProxy is left", || {
            std::net::TcpStream::connect(address).is_err()
        });
        eventually("processes are left", || processes_in(name).is_empty());
        // It fails if anything is left in the folder.
        eventually("files are left", || std::fs::remove_dir(&folder).is_ok());
        if end == "panic" {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("\"GET / HTTP/1.1\""), "{said}");
            assert!(said.contains("message `broken`: out of order"), "{said}");
        }
    }
}

/// Runs in a process of its own, in which there is no HAProxy.
#[test]
fn a_test_without_a_haproxy() {
    if !is_alone() {
        return;
    }
    let agent = || HaProxy::agent(Agent::builder().handlers(handlers![check]));
    assert!(agent().start_or_skip().is_none());
    let _ = agent().start();
}

#[test]
fn without_a_haproxy_a_test_says_how_to_get_one() {
    // The variable must name none, and Debian has its own in /usr/sbin.
    if std::path::Path::new("/usr/sbin/haproxy").exists() {
        println!("NOT TESTED HERE: it needs a machine without /usr/sbin/haproxy");
        return;
    }
    let mut command = alone("processes::a_test_without_a_haproxy");
    let output = command
        .env("SPOA_HAPROXY", "")
        .env("PATH", "/no/such")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let how = "no HAProxy found in SPOA_HAPROXY, on the PATH or in /usr/sbin: install one, for instance by \
               `apt-get install haproxy`";
    assert!(said.contains(&format!("SKIPPED: {how}")), "{said}");
    assert_eq!(said.matches(how).count(), 2, "{said}");
    assert!(!output.status.success());
}
