//! An agent as systemd starts it: the sockets that it gets, and its notifications.

mod common;

use common::program;
use spoa::client::Client;
use spoa_tests::{PATIENCE, Process, TempDir};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::Command;

/// The reloading agent with its files there.
fn reloading(dir: &TempDir) -> Command {
    dir.write("rules", "first");
    dir.write("limit", "1");
    let mut command = program(env!("CARGO_BIN_EXE_agent-reloading"));
    command
        .env("RULES", dir.join("rules"))
        .env("LIMIT", dir.join("limit"));
    command
}

/// Where systemd would hear what services tell.
struct Systemd(UnixDatagram);

impl Systemd {
    fn new(dir: &TempDir) -> Systemd {
        let socket = UnixDatagram::bind(dir.join("notify")).expect("nobody has it");
        let patience = Some(PATIENCE);
        socket
            .set_read_timeout(patience)
            .expect("it is longer than 0");
        Systemd(socket)
    }

    /// Returns the next notification, keep-alives excepted.
    fn told(&self) -> Vec<String> {
        loop {
            let lines = self.anything();
            if lines != ["WATCHDOG=1"] {
                return lines;
            }
        }
    }

    fn anything(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("something is told");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn systemd_gets_readiness_reloads_and_the_end() {
    let dir = TempDir::new();
    let systemd = Systemd::new(&dir);
    let mut agent = Process::start(reloading(&dir).env("NOTIFY_SOCKET", dir.join("notify")));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ");
    let serving = format!("STATUS=serves {address}");
    assert_eq!(systemd.told(), ["READY=1", &serving]);

    agent.signal("HUP");
    let reloading = systemd.told();
    assert_eq!(reloading[0], "RELOADING=1");
    let now = reloading[1].strip_prefix("MONOTONIC_USEC=");
    assert!(
        now.is_some_and(|now| now.parse::<u64>().is_ok()),
        "{reloading:?}"
    );
    assert_eq!(systemd.told(), ["READY=1", &serving]);

    dir.write("limit", "many");
    agent.signal("HUP");
    assert_eq!(systemd.told()[0], "RELOADING=1");
    let failed = "; the last reload failed: `reload = Limit::read(&limit)?` failed: invalid digit \
                  found in string";
    assert_eq!(systemd.told(), ["READY=1", &format!("{serving}{failed}")]);

    agent.signal("TERM");
    assert_eq!(systemd.told(), ["STOPPING=1", "STATUS=draining"]);
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
}

#[test]
fn the_status_does_not_show_a_value_of_a_secret_option() {
    let dir = TempDir::new();
    let systemd = Systemd::new(&dir);
    let mut command = program(env!("CARGO_BIN_EXE_agent-secretive"));
    command.args(["--token", "hunter2"]);
    let agent = Process::start(command.env("NOTIFY_SOCKET", dir.join("notify")));
    assert_eq!(systemd.told()[0], "READY=1");
    agent.signal("HUP");
    assert_eq!(systemd.told()[0], "RELOADING=1");
    let status = systemd.told().remove(1);
    assert!(
        status.ends_with("cannot log in again with (secret)"),
        "{status}"
    );
}

#[test]
fn an_agent_with_nothing_to_reload_still_says_that_it_is_done() {
    let dir = TempDir::new();
    let systemd = Systemd::new(&dir);
    let agent = Process::start(common::fixture().env("NOTIFY_SOCKET", dir.join("notify")));
    assert_eq!(systemd.told()[0], "READY=1");
    agent.signal("HUP");
    assert_eq!(systemd.told()[0], "RELOADING=1");
    assert_eq!(systemd.told()[0], "READY=1");
}

#[tokio::test]
async fn watchdog_messages_stop_when_all_workers_are_stuck() {
    let dir = TempDir::new();
    let systemd = Systemd::new(&dir);
    let mut command = common::fixture();
    command
        .env("NOTIFY_SOCKET", dir.join("notify"))
        .env("WATCHDOG_USEC", "100000")
        .args(["--workers", "1"]);
    let agent = Process::start(&mut command);
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    let alive = || systemd.anything() == ["WATCHDOG=1"];
    while !alive() {}
    assert!(alive() && alive());

    // The only worker waits for this, in a sync handler.
    let gate = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let gate_address = gate.local_addr().expect("it is bound").to_string();
    let client = Client::options().ack_timeout(PATIENCE).connect(&address);
    let client = client.await.expect("it listens");
    let asking = tokio::spawn(async move {
        let args = [("gate", spoa::spop::Value::from(gate_address.as_str()))];
        client
            .send("stuck", &args)
            .await
            .map(|ack| ack.actions.len())
    });
    let inside = tokio::task::spawn_blocking(move || gate.accept());
    let inside = inside
        .await
        .expect("it does not panic")
        .expect("a handler comes");
    systemd.0.set_nonblocking(true).expect("any socket can be");
    while systemd.0.recv(&mut [0; 4096]).is_ok() {}
    // This must not happen: six times as long as it takes otherwise.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let told = systemd.0.recv(&mut [0; 4096]);
    assert_eq!(
        told.expect_err("nothing is alive").kind(),
        std::io::ErrorKind::WouldBlock
    );
    systemd.0.set_nonblocking(false).expect("any socket can be");
    drop(inside);
    assert!(alive());
    let answered = asking.await.expect("it does not panic");
    assert_eq!(answered.expect("the handler fails, the agent does not"), 0);
}

/// An agent that is passed a socket as descriptor 3, as systemd does it.
fn activated(command: &Command, socket: OwnedFd) -> Process {
    let script = r#"export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@" 3<&0 </dev/null"#;
    let mut shell = program("/bin/sh");
    shell.args(["-c", script]).arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    Process::start_with(&mut shell, socket)
}

async fn answers(address: &str) {
    // The agent may have to be started first.
    let options = Client::options().hello_timeout(PATIENCE);
    let client = options.ack_timeout(PATIENCE).connect(address);
    let client = client.await.expect("it is let in");
    let ack = client.send("show", &[]).await.expect("it is answered");
    assert_eq!(ack.actions.len(), 3);
}

#[tokio::test]
async fn a_passed_socket_replaces_the_address_of_the_program() {
    let dir = TempDir::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound").to_string();
    let agent = activated(&reloading(&dir), socket.into());
    agent.wait_for_line(&format!("listening on {address} (a socket of LISTEN_FDS)"));
    agent.wait_for_line("INFO started: ");
    answers(&address).await;
    let listening = agent.output();
    let listening = listening
        .iter()
        .filter(|line| line.starts_with("listening on "));
    assert_eq!(listening.count(), 1);
}

#[tokio::test]
async fn addresses_of_the_command_line_are_added() {
    let dir = TempDir::new();
    let path = dir.join("agent.sock");
    let socket = UnixListener::bind(&path).expect("nobody has it");
    let mut command = reloading(&dir);
    command.args(["--listen", "127.0.0.1:0"]);
    let mut agent = activated(&command, socket.into());
    let passed = format!("unix@{}", path.display());
    agent.wait_for_line(&format!("listening on {passed} (a socket of LISTEN_FDS)"));
    let line = agent.wait_for_line("listening on 127.0.0.1:");
    answers(&passed).await;
    answers(line.trim_start_matches("listening on ")).await;
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    assert!(path.exists(), "it is whose who made it");
}

#[tokio::test]
async fn no_connection_is_refused_while_an_activated_agent_restarts() {
    let dir = TempDir::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound").to_string();
    let again = || socket.try_clone().expect("it can be shared").into();
    let mut agent = activated(&reloading(&dir), again());
    agent.wait_for_line("INFO started: ");
    for _ in 0..3 {
        agent.signal("TERM");
        assert_eq!(agent.wait(PATIENCE).code(), Some(0));
        // No agent runs, and peers that connect now are accepted when one does.
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let address = address.clone();
                tokio::spawn(async move { answers(&address).await })
            })
            .collect();
        agent = activated(&reloading(&dir), again());
        for one in waiting {
            one.await.expect("it is answered");
        }
    }
}

#[test]
fn a_descriptor_other_than_a_socket_is_refused() {
    let dir = TempDir::new();
    let file = std::fs::File::open(dir.write("file", "")).expect("it was just written");
    let mut agent = activated(&reloading(&dir), file.into());
    agent.wait_for_line(
        "error: socket 1 of LISTEN_FDS is not a listening TCP or unix socket: write \
         `ListenStream=` in the .socket unit",
    );
    assert_eq!(agent.wait(PATIENCE).code(), Some(1));
}
