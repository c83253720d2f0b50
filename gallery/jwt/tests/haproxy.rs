//! Runs the agent with real HAProxies and a real issuer, which changes its key, is stopped and comes back.

use spoa::testing::{HaProxy, InstalledHaProxy, Service, eventually, free_port, http_get};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

const AUDIENCE: &str = "https://api.example.org";

/// An issuer, which ends with the value.
struct Issuer(Service, u16);

impl Issuer {
    fn start(port: u16, key: &str, algorithm: &str) -> Self {
        let folder = Command::new("tests/get-issuer.sh")
            .output()
            .expect("bash is there");
        assert!(folder.status.success(), "install node and npm: {folder:?}");
        let folder = String::from_utf8(folder.stdout).unwrap();
        let mut command = Command::new("node");
        let port_text = port.to_string();
        command.args([
            "tests/issuer.mjs",
            folder.trim(),
            &port_text,
            key,
            algorithm,
        ]);
        Issuer(Service::start(&command, port), port)
    }

    /// Returns a new token.
    fn token(&self, audience: &str) -> String {
        let form = format!("grant_type=client_credentials&scope=read&resource={audience}");
        let head = "POST /token HTTP/1.0\r\nauthorization: Basic cm9ib3Q6c2VjcmV0\r\n\
                    content-type: application/x-www-form-urlencoded\r\n";
        let host = format!("host: 127.0.0.1:{}\r\n", self.1);
        let request = format!("{head}{host}content-length: {}\r\n\r\n{form}", form.len());
        let mut stream = TcpStream::connect(("127.0.0.1", self.1)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let token = response
            .split("\"access_token\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        token
            .unwrap_or_else(|| panic!("no token in {response}"))
            .to_owned()
    }
}

fn agent(port: u16, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwt"));
    command
        .arg("--jwks")
        .arg(format!("http://127.0.0.1:{port}/jwks"));
    command
        .arg("--issuer")
        .arg(format!("http://127.0.0.1:{port}"));
    command.env("SPOA_AUDIENCE", AUDIENCE).args(options);
    command
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    HaProxy::program(agent)
        .rules("    bind 127.0.0.1:8080")
        .on(haproxy)
        .start()
}

/// Returns the status and the reason for a request with a token.
fn send(haproxy: &HaProxy, token: &str) -> (u16, String) {
    let reply = haproxy
        .get("/")
        .header("authorization", format!("Bearer {token}"))
        .send();
    (
        reply.status,
        reply.var("txn.reason").unwrap_or_default().to_owned(),
    )
}

fn allowed() -> (u16, String) {
    (200, String::new())
}

fn denied(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

#[test]
fn a_valid_token_passes_with_its_claims_and_no_other_does() {
    for algorithm in ["RS256", "ES256"] {
        let issuer = Issuer::start(free_port(), "one", algorithm);
        let token = issuer.token(AUDIENCE);
        let other = issuer.token("https://other.example.org");
        for installed in HaProxy::oldest_middle_newest() {
            let haproxy = start(&installed, agent(issuer.1, &["--cookie", "session"]));
            let forged = haproxy
                .get("/")
                .header("x-jwt-subject", "root")
                .header("x-jwt-scope", "all");
            let reply = forged
                .header("authorization", format!("bearer {token}"))
                .send();
            assert_eq!(reply.status, 200, "{installed}");
            let claims = reply.var("txn.claims").unwrap_or_default();
            assert!(claims.contains("\"client_id\":\"robot\""), "{claims}");
            let cookie = haproxy
                .get("/")
                .header("cookie", format!("a=b; session={token}"))
                .send();
            assert_eq!(cookie.status, 200, "{installed}");
            for request in haproxy.received() {
                assert_eq!(
                    request.header("x-jwt-subject").as_deref(),
                    Some("robot"),
                    "{installed}"
                );
                assert_eq!(
                    request.header("x-jwt-scope").as_deref(),
                    Some("read"),
                    "{installed}"
                );
            }

            let reply = haproxy.get("/").send();
            assert_eq!(
                (reply.status, reply.header("www-authenticate")),
                (401, Some("Bearer")),
                "{installed}"
            );
            let basic = haproxy
                .get("/")
                .header("authorization", "Basic cm9ib3Q6c2VjcmV0")
                .send();
            assert_eq!(
                (basic.status, basic.var("txn.reason")),
                (401, Some("malformed")),
                "{installed}"
            );
            let twice = haproxy
                .get("/")
                .header("authorization", format!("Bearer {token}"))
                .header("authorization", format!("Bearer {token}"))
                .send();
            assert_eq!(
                (twice.status, twice.var("txn.reason")),
                (401, Some("malformed")),
                "{installed}"
            );
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let payload = signed.split('.').nth(1).unwrap();
            // {"alg":"none","kid":"one"} and {"alg":"HS256","kid":"one"}
            let none = format!("eyJhbGciOiJub25lIiwia2lkIjoib25lIn0.{payload}.");
            let shared = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6Im9uZSJ9.{payload}.{signature}");
            for (token, reason) in [
                ("nonsense", "malformed"),
                (&*none, "malformed"),
                (&*shared, "algorithm"),
                (
                    &*format!("{signed}.{}", signature.replacen(|c| c != 'A', "A", 9)),
                    "invalid",
                ),
                (&*other, "audience"),
            ] {
                assert_eq!(send(&haproxy, token), denied(401, reason), "{installed}");
            }
        }
    }
}

#[test]
fn a_new_key_is_fetched_for_its_tokens() {
    let port = free_port();
    for installed in HaProxy::oldest_middle_newest() {
        let issuer = Issuer::start(port, "old", "RS256");
        let old = issuer.token(AUDIENCE);
        let haproxy = start(&installed, agent(port, &[]));
        assert_eq!(send(&haproxy, &old), allowed(), "{installed}");
        drop(issuer);
        let issuer = Issuer::start(port, "new", "ES256");
        // The key of the old one is still known.
        assert_eq!(send(&haproxy, &old), allowed(), "{installed}");
        let new = issuer.token(AUDIENCE);
        eventually("the pause since the last fetch is over", || {
            send(&haproxy, &new) == allowed()
        });
        // The agent may fetch the keys again for it, and that may take too long.
        eventually("the key of the old one is unknown", || {
            let answer = send(&haproxy, &old);
            assert_ne!(answer, allowed(), "{installed}");
            answer == denied(401, "unknown_key")
        });
    }
}

#[test]
fn without_its_issuer_the_agent_keeps_the_keys_that_it_has() {
    let port = free_port();
    // Down at the start.
    let output = agent(port, &["check"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains("error sending request for url (http://"),
        "{error}"
    );

    let issuer = Issuer::start(port, "one", "ES256");
    let token = issuer.token(AUDIENCE);
    // {"alg":"ES256","kid":"two"}
    let unknown = format!(
        "eyJhbGciOiJFUzI1NiIsImtpZCI6InR3byJ9{}",
        &token[token.find('.').unwrap()..]
    );
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(port, &["--refresh", "300ms"]));
        eventually("the reason is the expected one", || {
            send(&haproxy, &unknown) == denied(401, "unknown_key")
        });
        // It hangs: only a token with an unknown key waits.
        issuer.0.pause();
        eventually("the keys are fetched for an unknown one", || {
            send(&haproxy, &unknown) == denied(503, "no_keys")
        });
        assert_eq!(send(&haproxy, &token), allowed(), "{installed}");
        let logged = |text: &str| haproxy.wait_for_agent_log(text);
        logged("reload failed, the old value is kept");
        assert_eq!(send(&haproxy, &token), allowed(), "{installed}");
        // It is back.
        issuer.0.resume();
        logged("failure");
        eventually("the reason is the expected one", || {
            send(&haproxy, &unknown) == denied(401, "unknown_key")
        });
    }

    // Down in the middle, and another server at its address.
    let haproxy = start(&HaProxy::newest(), agent(port, &["--refresh", "300ms"]));
    drop(issuer);
    let fetched_in_vain = || {
        eventually("the keys are fetched for an unknown one", || {
            send(&haproxy, &unknown) == denied(503, "no_keys")
        });
    };
    eventually("the next fetch has to wait", || {
        fetched_in_vain();
        send(&haproxy, &unknown) == denied(401, "unknown_key")
    });
    let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for (number, mut stream) in other.incoming().flatten().enumerate() {
            let answer = match number % 2 {
                0 => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
                _ => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            };
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    for _ in 0..4 {
        fetched_in_vain();
        assert_eq!(send(&haproxy, &token), allowed());
    }
}

#[test]
fn the_rule_for_scopes_in_the_readme_takes_a_scope_of_the_token() {
    let readme = include_str!("../README.md");
    let rule = readme
        .split('`')
        .find(|text| text.starts_with("http-request deny unless"));
    let rule = rule.expect("the README has a rule");
    let issuer = Issuer::start(free_port(), "one", "ES256");
    let token = issuer.token(AUDIENCE);
    for installed in HaProxy::oldest_middle_newest() {
        for (scope, status) in [("read", 200), ("write", 403), ("rea", 403)] {
            let rule = rule.replace("write", scope);
            let haproxy = HaProxy::program(agent(issuer.1, &[]))
                .rules(&format!("    bind 127.0.0.1:8080\n    {rule}"))
                .on(&installed)
                .start();
            assert_eq!(send(&haproxy, &token).0, status, "{scope}, {installed}");
        }
    }
}

#[test]
fn a_redirect_and_a_large_answer_are_errors() {
    let issuer = Issuer::start(free_port(), "one", "ES256");
    let location = format!("location: http://127.0.0.1:{}/jwks", issuer.1);
    let redirect = format!("HTTP/1.1 302 Found\r\n{location}\r\ncontent-length: 0\r\n\r\n");
    let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(2 << 20));
    for (answer, expected) in [
        (redirect, "/jwks: 302 Found"),
        (large, "the key set is too large"),
    ] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).ok();
        });
        let output = agent(port, &["check"]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn an_expired_token_is_denied() {
    let issuer = Issuer::start(free_port(), "one", "ES256");
    let mut agent = agent(issuer.1, &[]);
    agent.env("SPOA_AUDIENCE", "https://api.example.org/expired");
    let haproxy = start(&HaProxy::newest(), agent);
    let token = issuer.token("https://api.example.org/expired");
    assert_eq!(send(&haproxy, &token), denied(401, "expired"));
}

#[test]
fn requests_without_a_token_can_pass() {
    let issuer = Issuer::start(free_port(), "one", "ES256");
    let admin = format!("127.0.0.1:{}", free_port());
    let haproxy = start(
        &HaProxy::newest(),
        agent(issuer.1, &["--optional", "--admin", &admin]),
    );
    let reply = haproxy.get("/").header("x-jwt-subject", "root").send();
    assert_eq!((reply.status, reply.var("txn.claims")), (200, None));
    assert_eq!(haproxy.received()[0].header("x-jwt-subject"), None);
    assert_eq!(send(&haproxy, "nonsense"), denied(401, "malformed"));
    let text = http_get(&admin, "/metrics").text();
    for line in [
        "jwt_tokens_total{result=\"missing\"} 1",
        "jwt_tokens_total{result=\"malformed\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_jwt"));
    config.args(["config", "--haproxy", "2.6", "--fail", "closed"]);
    config.args(["--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
