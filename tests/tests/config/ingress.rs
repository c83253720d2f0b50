//! The files of `config --for`, in configurations with the form of those that the controllers make.

use spoa_tests::{
    Client, Haproxy, Port, Process, Request, TempDir, eventually, example, for_each_haproxy,
};
use std::fmt::Write as _;
use std::process::Command;

/// Returns the lines of a key of a ConfigMap, as Kubernetes hands them to a controller.
fn value(manifest: &str, key: &str) -> String {
    let start = format!("\n  {key}: |2\n");
    let (_, rest) = manifest
        .split_once(&start)
        .expect("the manifest has the key");
    let lines = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", line.strip_prefix("    ").unwrap_or_default());
    }
    text
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("    {line}\n")).collect()
}

/// A configuration in the form that HAProxy Ingress makes: own sections, then frontends for HTTP and HTTPS, whose
/// rules come before the controller's choice of a backend.
fn of_haproxy_ingress(manifest: &str, front: &Port, other: &Port) -> Vec<String> {
    let mut text = "global\n    stats timeout 2m\ndefaults\n    timeout client 50s\n    timeout connect 5s\n    \
                    timeout server 50s\n    timeout http-request 5s\n"
        .to_owned();
    text += &value(manifest, "config-sections");
    let rules = indented(&value(manifest, "config-frontend"));
    for (name, port) in [("_front_http", front), ("_front_https", other)] {
        let _ = write!(
            text,
            "frontend {name}\n    mode http\n    bind {}\n    option httplog\n    \
             http-request set-var(req.path) path\n    http-request set-header X-Forwarded-Proto http\n{rules}    \
             use_backend site if {{ var(req.path) -m found }}\n    default_backend site\n",
            port.addr()
        );
    }
    text += SITE;
    vec![text]
}

/// Configurations in the form that kubernetes-ingress makes: its own, whose frontends end with the snippet, and the
/// additional one.
fn of_kubernetes_ingress(manifest: &str, front: &Port, other: &Port) -> Vec<String> {
    let mut text =
        "global\n    default-path config\ndefaults haproxytech\n    timeout client 50s\n    \
                    timeout connect 5s\n    timeout server 50s\n    timeout http-request 5s\n"
            .to_owned();
    let rules = indented(&value(manifest, "frontend-config-snippet"));
    for (name, port) in [("http", front), ("https", other)] {
        let _ = write!(
            text,
            "frontend {name} from haproxytech\n    mode http\n    bind {}\n    http-request set-var(txn.base) base\n    \
             use_backend site\n{rules}",
            port.addr()
        );
    }
    text += SITE;
    vec![text, value(manifest, "haproxy-aux.cfg")]
}

/// A server that shows what the agent said.
const SITE: &str = "backend site\n    mode http\n    timeout connect 5s\n    timeout server 50s\n    \
                    http-request return status 200 hdr x-score %[var(sess.ip_reputation.ip_score)]\n";

/// Returns the manifest for an agent at an address.
fn manifest(controller: &str, server: &str, dir: &TempDir) -> String {
    let spoe = dir.join("spoe.conf");
    let config = example("ip-reputation")
        .args([
            "config",
            "--haproxy=2.6",
            "--for",
            controller,
            "--server",
            server,
            "--spoe-file",
        ])
        .arg(&spoe)
        .output()
        .expect("it runs");
    assert!(config.status.success(), "{config:?}");
    let manifest = String::from_utf8(config.stdout).expect("text");
    dir.write("spoe.conf", &value(&manifest, "spoe.conf"));
    manifest
}

/// Returns HAProxy with these files.
fn haproxy_with(haproxy: &Haproxy, files: &[String], dir: &TempDir) -> Command {
    let mut command = Command::new(haproxy.path());
    for (at, file) in files.iter().enumerate() {
        command.arg("-f").arg(dir.write(&format!("{at}.cfg"), file));
    }
    command
}

#[test]
fn the_keys_of_controllers_ask_the_agent() {
    for_each_haproxy(|haproxy| {
        let (agent, front, other) = (Port::free(), Port::free(), Port::free());
        let server = agent.addr().to_string();
        let process = Process::start(example("ip-reputation").args(["--listen", &server]));
        process.wait_for_line("started:");
        for (controller, form) in [
            (
                "haproxy-ingress",
                of_haproxy_ingress as fn(&str, &Port, &Port) -> Vec<String>,
            ),
            ("kubernetes-ingress", of_kubernetes_ingress),
        ] {
            let dir = TempDir::new();
            let files = form(&manifest(controller, &server, &dir), &front, &other);
            let mut proxy = Process::start(&mut haproxy_with(haproxy, &files, &dir));
            for port in [&front, &other] {
                eventually("HAProxy has the agent's score", || {
                    Client::connect(port.addr()).is_ok_and(|mut client| {
                        let reply = client.try_send(&Request::get("/"));
                        reply.is_ok_and(|reply| reply.header("x-score") == Some("100"))
                    })
                });
            }
            proxy.kill();
        }
    });
}

#[test]
fn haproxy_starts_before_the_name_of_the_agents_can_be_resolved() {
    for_each_haproxy(|haproxy| {
        let (front, other) = (Port::free(), Port::free());
        for (controller, form) in [
            (
                "haproxy-ingress",
                of_haproxy_ingress as fn(&str, &Port, &Port) -> Vec<String>,
            ),
            ("kubernetes-ingress", of_kubernetes_ingress),
        ] {
            let dir = TempDir::new();
            let server = "ip-reputation.default.svc.cluster.local:12345";
            let files = form(&manifest(controller, server, &dir), &front, &other);
            let checked = haproxy_with(haproxy, &files, &dir).arg("-c").output();
            let checked = checked.expect("HAProxy runs");
            assert!(
                checked.status.success(),
                "{haproxy}: {controller}: {checked:?}"
            );
        }
    });
}
