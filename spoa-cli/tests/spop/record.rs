//! `spop record` and `spop replay`, with the agent that was recorded and with others.

use super::agent::{agent, answering, peer};
use super::recorder::Recorder;
use super::{Done, spop};
use spoa::client::Client;
use spoa::spop::{AckWriter, Action, Scope, Value};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Ends a recording.
fn stop(recorder: &mut Recorder) -> Done {
    let (status, out, err) = recorder.stop();
    Done { status, out, err }
}

fn replay(recorder: &Recorder, agent: &str, options: &[&str]) -> Done {
    let file = recorder.file().display().to_string();
    spop(&[&["replay", agent, &file], options].concat())
}

/// Sends this many NOTIFYs with different values, over two connections.
fn send(address: &str, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut clients = Vec::new();
        for name in ["one", "two"] {
            // From one end to the other and back, a busy machine may take longer than a second.
            let options = Client::options().close_timeout(Duration::from_secs(20));
            let client = options.engine_id(name).connect(address).await;
            clients.push(client.expect("the tap reaches the agent"));
        }
        for number in 0..count {
            let client = clients.get(number as usize % 2).expect("there are two");
            let ip = IpAddr::from(Ipv4Addr::from(number.wrapping_mul(0x9e37_79b9)));
            let path = format!("/{number}");
            let ack = client
                .notify(|notify| {
                    notify
                        .message("get-ip-reputation", &[("ip", ip.into())])
                        .message(
                            "echo",
                            &[("path", path.as_str().into()), ("n", Value::Uint32(number))],
                        );
                })
                .await;
            assert_eq!(ack.expect("it is answered").actions.len(), 2);
        }
        for client in clients {
            client.close().await.expect("the agent sends a DISCONNECT");
        }
    });
}

#[test]
fn an_agent_that_did_not_change_has_no_changed_answers() {
    let agent = agent();
    let mut recorder = Recorder::start(&agent, &[]);
    send(&recorder.address, 2000);
    let done = stop(&mut recorder);
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{}", done.out);
    assert!(
        done.out
            .starts_with("recorded 2000 NOTIFYs of 2 connections: "),
        "{}",
        done.out
    );
    for options in [&[][..], &["--in-flight", "20"]] {
        let done = replay(&recorder, &agent, options);
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{}", done.out);
        assert!(
            done.out.starts_with("replayed 2000 NOTIFYs in "),
            "{}",
            done.out
        );
        assert!(
            done.out.ends_with("\n0 of 2000 answers changed\n"),
            "{}",
            done.out
        );
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &recorder
            .file()
            .metadata()
            .expect("it is there")
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn changed_answers_of_another_build_are_grouped() {
    let mut recorder = Recorder::start(&agent(), &[]);
    send(&recorder.address, 10);
    stop(&mut recorder);
    // It forgets the echo, and has another opinion of every address.
    let other = answering(|ids, out| {
        let mut ack = AckWriter::begin(ids, out);
        let (scope, name) = (Scope::Session, "ip_score".into());
        let value = Value::Int32(80);
        ack.action(&Action::SetVar { scope, name, value });
        ack.finish();
    });
    let done = replay(&recorder, &other, &["--json"]);
    assert_eq!((done.status, done.err.as_str()), (1, ""));
    let report = done.json();
    assert_eq!(
        (&report["same"], &report["changed"]),
        (&0.into(), &10.into())
    );
    let variables = report["variables"].as_array().expect("it is an array");
    let names: Vec<_> = variables.iter().map(|one| &one["variable"]).collect();
    assert_eq!(names, ["sess.ip_score", "txn.echo"]);
    assert_eq!(variables[0]["messages"], "get-ip-reputation+echo");
    let expected = serde_json::json!([{ "recorded": "20", "replayed": "80", "count": 10 }]);
    assert_eq!(variables[0]["values"], expected);
    let text = replay(&recorder, &other, &["--ignore", "txn.echo"]).out;
    assert!(
        text.contains("10 of 10 answers changed") && text.contains("20 -> 80"),
        "{text}"
    );
    assert!(!text.contains("txn.echo"), "{text}");
    let ignored = replay(&recorder, &other, &["--ignore", "txn.echo,sess.ip_score"]);
    assert_eq!(ignored.status, 0, "{}", ignored.out);
}

#[test]
fn a_recording_without_answers_proves_nothing() {
    let agent = agent();
    let mut recorder = Recorder::start(&agent, &[]);
    stop(&mut recorder);
    let done = replay(&recorder, &agent, &[]);
    assert_eq!(done.status, 1, "{}", done.out);
    assert!(
        done.err.contains("error: no answer was compared: "),
        "{}",
        done.err
    );
}

#[test]
fn a_missing_answer_is_not_an_unchanged_answer() {
    let mut recorder = Recorder::start(&agent(), &[]);
    send(&recorder.address, 4);
    stop(&mut recorder);
    let silent = answering(|_, _| {});
    let done = replay(&recorder, &silent, &["--timeout", "2s", "--in-flight", "4"]);
    assert_eq!((done.status, done.err.as_str()), (1, ""));
    assert!(
        done.out
            .contains("4 NOTIFYs without an answer: no ACK came within --timeout"),
        "{}",
        done.out
    );
    let gone = peer(|_| {});
    let done = replay(&recorder, &gone, &[]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
}

#[test]
fn hashed_values_are_not_in_the_file_and_replay_as_they_were_answered() {
    let agent = agent();
    let mut recorder = Recorder::start(&agent, &["--hash", "path,ip,cookie"]);
    send(&recorder.address, 50);
    let done = stop(&mut recorder);
    assert_eq!(
        done.err,
        "warning: --hash cookie: no message had an argument of this name\n"
    );
    let text = recorder.text();
    let notifys = text
        .lines()
        .filter(|line| line.starts_with("{\"exchange\""));
    assert_eq!(notifys.count(), 50);
    // `echo` answers with a text in which a value is only a part: that stays.
    assert!(!text.contains("\"value\":\"/7\""), "{text}");
    let done = replay(&recorder, &agent, &["--ignore", "txn.echo"]);
    assert_eq!(done.status, 0, "{}", done.out);
}

#[test]
fn a_file_that_exists_or_is_not_a_recording_is_refused() {
    let dir = tempfile::tempdir().expect("there is room for a file");
    let path = dir.path().join("file");
    std::fs::write(&path, "not a recording\n").expect("it can be written");
    let path = path.display().to_string();
    let done = spop(&["record", "127.0.0.1:1", &path, "--listen", "127.0.0.1:0"]);
    assert_eq!(done.status, 2);
    assert!(
        done.err.contains("remove it, or write another"),
        "{}",
        done.err
    );
    let done = spop(&["replay", "127.0.0.1:1", &path]);
    assert_eq!(done.status, 2);
    let problem = "line 1: the file is not a recording of `spop record`";
    assert!(done.err.contains(problem), "{}", done.err);
    let done = spop(&["record", "127.0.0.1:1", "f", "--listen", "nowhere"]);
    assert_eq!(done.status, 2);
    assert!(
        done.err.contains("cannot listen on `nowhere`"),
        "{}",
        done.err
    );
}
