//! An agent with a certificate works with the configuration it writes.

use spoa_tests::{Authority, Port, Request, Signed, TempDir, for_each_haproxy};

use crate::common::program;
use crate::written::{Written, ask, serving, stop};
use std::process::Command;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-kitchen-sink"))
}

/// The authority that signs, and the folder of the files.
fn files(agent: &Signed) -> TempDir {
    let dir = TempDir::new();
    dir.write("agent.crt", &agent.cert);
    dir.write("agent.key", &agent.key);
    dir
}

/// The agent answers a HAProxy with what it writes for these options.
fn works(dir: &TempDir, of_agent: &[&str], of_config: &[&str], warnings: usize) {
    let path = |name: &str| dir.join(name).display().to_string();
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let listen = port.addr().to_string();
        let mut args = vec!["--listen".to_owned(), listen.clone()];
        args.extend([
            "--tls-cert".to_owned(),
            path("agent.crt"),
            "--show".to_owned(),
        ]);
        // Files are given without their folder.
        let with_path = |word: &&str| {
            if word.contains('.') {
                path(word)
            } else {
                (*word).to_owned()
            }
        };
        args.extend(of_agent.iter().chain(of_config).map(with_path));
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let written = Written::by(agent(), haproxy, &args);
        let about_tls = |line: &&String| line.contains("--ca-file") || line.contains("--crt");
        assert_eq!(written.warnings.iter().filter(about_tls).count(), warnings);

        let mut serve = agent();
        serve.arg("--tls-cert").arg(path("agent.crt"));
        serve.arg("--tls-key").arg(path("agent.key"));
        serve.args(of_agent.iter().map(with_path));
        let process = serving(serve, &listen);
        let proxy = written.start(haproxy);
        let header = "x-spoa-sess-kitchen-sink-loopback";
        ask(&proxy, &Request::get("/"), "an answer", |reply| {
            reply.header(header) == Some("1")
        });
        drop(proxy);
        stop(process);
    });
}

#[test]
fn haproxy_trusts_a_self_signed_certificate() {
    works(&files(&Signed::by_itself()), &[], &[], 1);
}

#[test]
fn haproxy_and_the_agent_trust_their_authorities() {
    let (agents, clients) = (Authority::new("agents"), Authority::new("clients"));
    let dir = files(&agents.agent());
    dir.write("agents.pem", &agents.pem());
    dir.write("clients.pem", &clients.pem());
    dir.write("haproxy.pem", &clients.client().both());
    works(
        &dir,
        &["--tls-client-ca", "clients.pem"],
        &["--ca-file", "agents.pem", "--crt", "haproxy.pem"],
        0,
    );
}
