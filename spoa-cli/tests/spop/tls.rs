//! `spop probe`, `call` and `bench` with TLS, against agents with TLS and mutual TLS.

use super::agent::{agent, agent_with};
use super::{Done, measured, spop};
use spoa::agent::Tls;
use spoa_tests::Authority;
use std::path::PathBuf;

/// Certificates of one test.
struct Files {
    dir: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Files {
        let dir = tempfile::tempdir().expect("there is room for files");
        let authority = Authority::new("authority of the agent");
        let files = Files { dir, authority };
        files.write("ca.pem", &files.authority.pem());
        files.write("agent.pem", &files.authority.agent().both());
        files
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn tls(&self) -> Tls {
        Tls::file(self.dir.path().join("agent.pem"))
    }
}

/// Runs a command with options between its name and the rest.
fn with(options: &[&str], line: &[&str]) -> Done {
    let (command, rest) = line.split_first().expect("there is a command");
    let (address, rest) = rest.split_first().expect("there is an address");
    spop(&[&[*command, *address], options, rest].concat())
}

#[test]
fn an_agent_with_tls_is_called_probed_and_measured() {
    let files = Files::new();
    let tls = files.tls();
    let agent = agent_with(|agent| agent.tls(tls));
    let ca = files.path("ca.pem");
    let options = ["--tls", "--ca", &ca];
    let call = ["call", &agent, "get-ip-reputation", "ip=192.0.2.7"];
    assert_eq!(with(&options, &call).good(), "set-var sess.ip_score = 20\n");
    let probed = with(&options, &["probe", &agent]).good();
    assert!(
        probed.contains("HAProxy agrees with this agent."),
        "{probed}"
    );
    // Answers of several records of TLS: the body comes back in words.
    let load = [
        "bench",
        &agent,
        "--json",
        "-d",
        "1s",
        "--warm-up",
        "100ms",
        "-c",
        "3",
        "-n",
        "8",
        "--payload",
        "4k",
        "--expect",
        "txn.echo exists",
        "-m",
        "echo",
    ];
    let done = measured(|| with(&options, &load));
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    let report = done.json();
    assert!(report["acked"].as_u64() > Some(0), "{}", done.out);
    let done = with(&["--tls", "--ca", &ca, "--server-name", "localhost"], &call);
    assert_eq!(done.good(), "set-var sess.ip_score = 20\n");
}

#[test]
fn an_agent_that_asks_for_a_certificate_gets_it() {
    let files = Files::new();
    let clients = Authority::new("authority of the clients");
    let path = files.write("clients.pem", &clients.pem());
    let tls = files.tls().client_ca(path);
    let agent = agent_with(|agent| agent.tls(tls));
    let client = clients.client();
    let ca = files.path("ca.pem");
    let cert = files
        .write("client.pem", &client.cert)
        .display()
        .to_string();
    let key = files.write("client.key", &client.key).display().to_string();
    let mutual = ["--tls", "--ca", &ca, "--cert", &cert, "--key", &key];
    let call = ["call", &agent, "get-ip-reputation", "ip=192.0.2.7"];
    assert_eq!(with(&mutual, &call).good(), "set-var sess.ip_score = 20\n");
    with(&mutual, &["probe", &agent]).good();
    let load = ["bench", &agent, "-d", "1s", "--warm-up", "0ms"];
    assert_eq!(measured(|| with(&mutual, &load)).status, 0);
    let remedy = "the agent asks for a certificate: give `--cert` and `--key`";
    for line in [&call[..], &["probe", &agent], &load] {
        let done = with(&["--tls", "--ca", &ca], line);
        assert_eq!(done.status, 1);
        let said = [done.out.as_str(), &done.err].concat();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(remedy), "{line:?}: {said}");
    }
}

#[test]
fn a_handshake_that_fails_says_what_to_change() {
    let files = Files::new();
    let tls = files.tls();
    let encrypted = agent_with(|agent| agent.tls(tls));
    let plain = agent();
    let other = Authority::new("another authority").pem();
    let other = files.write("other.pem", &other).display().to_string();
    let ca = files.path("ca.pem");
    for (address, options, remedy) in [
        (
            &encrypted,
            &["--tls", "--ca", &other][..],
            "the CA in `--ca` did not sign the agent's certificate",
        ),
        (
            &encrypted,
            &["--tls", "--ca", &ca, "--server-name", "agent.example"],
            "give a name of the agent's certificate with `--server-name`",
        ),
        (&plain, &["--tls", "--ca", &ca], "omit `--tls`"),
        (&encrypted, &[], "give `--tls --ca FILE`"),
    ] {
        let done = with(options, &["call", address, "echo"]);
        assert_eq!(done.status, 1, "{options:?}");
        assert!(done.err.contains(remedy), "{options:?}: {}", done.err);
    }
}

#[test]
fn options_and_files_that_do_not_fit_are_usage_errors() {
    let files = Files::new();
    let (ca, key) = (files.path("ca.pem"), files.path("agent.pem"));
    let empty = files.write("empty.pem", "").display().to_string();
    for (options, part) in [
        (&["--tls"][..], "--ca <FILE>"),
        (&["--ca", &ca], "--tls"),
        (&["--tls", "--ca", &ca, "--cert", &ca], "--key <FILE>"),
        (
            &["--tls", "--ca", "/no/such.pem"],
            "cannot read `/no/such.pem`",
        ),
        (&["--tls", "--ca", &empty], "has no certificate in PEM"),
        (
            &["--tls", "--ca", &ca, "--cert", &ca, "--key", &key],
            "cannot be used",
        ),
    ] {
        let done = with(options, &["probe", "127.0.0.1:1"]);
        assert_eq!(done.status, 2, "{options:?}: {}", done.err);
        assert!(done.err.contains(part), "{options:?}: {}", done.err);
    }
}
