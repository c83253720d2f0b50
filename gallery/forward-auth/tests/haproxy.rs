//! Runs the agent with real HAProxies and a real nginx, which is killed, halted and started again.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, Service, eventually, free_port, http_get};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts an nginx with the configuration of the example.
fn nginx(port: u16) -> Service {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(port.to_string());
    fs::create_dir_all(&folder).unwrap();
    let config = include_str!("nginx.conf").replace("8097", &port.to_string());
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
    Service::start(command.arg(&folder), port)
}

/// Returns how many requests nginx was asked about, those of a path and by an answer.
fn asked(nginx: &Service, text: &str) -> usize {
    let log = nginx.log();
    log.iter().filter(|line| line.contains(text)).count()
}

fn agent(port: u16, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forward-auth"));
    command.args(["--service", &format!("http://127.0.0.1:{port}/verify")]);
    command.env("SPOA_SERVICE_RETRY", "200ms").args(options);
    // The longest that the option takes, since a machine that runs tests is busy.
    command.env("SPOA_SERVICE_TIMEOUT", "2s");
    command
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    HaProxy::program(agent)
        .rules("    bind 127.0.0.1:8080")
        .fail_closed()
        .on(haproxy)
        .start()
}

fn get(haproxy: &HaProxy, user: &str, target: &str) -> Reply {
    let request = haproxy.get(target).from([192, 0, 2, 7]);
    request
        .header("authorization", format!("Bearer {user}"))
        .send()
}

#[test]
fn each_answer_of_the_service_is_enforced() {
    let port = free_port();
    let nginx = nginx(port);
    for installed in HaProxy::oldest_middle_newest() {
        let haproxy = start(&installed, agent(port, &["--cache", "0"]));
        let forged = haproxy.get("/a?b=c").header("remote-user", "root");
        let forged = forged.header("remote-groups", "all");
        let reply = forged.header("authorization", "Bearer alice").send();
        assert_eq!(reply.status, 200, "{installed}");
        let server = &haproxy.received()[0];
        assert_eq!(
            server.header("remote-user").as_deref(),
            Some("alice"),
            "{installed}"
        );
        assert_eq!(
            server.header("remote-groups"),
            None,
            "a client forged it, {installed}"
        );
        assert_eq!(
            server.header("authorization").as_deref(),
            Some("Bearer alice")
        );

        let reply = get(&haproxy, "nobody", "/a");
        assert_eq!(reply.status, 401, "{installed}");
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"site\""),
            "{installed}"
        );
        assert_eq!(get(&haproxy, "bob", "/admin").status, 403, "{installed}");
        assert_eq!(get(&haproxy, "alice", "/admin").status, 200, "{installed}");
        let reply = get(&haproxy, "nobody", "/app/1");
        let login = "https://login.example.org/?next=/app/1";
        assert_eq!(
            (reply.status, reply.header("location")),
            (302, Some(login)),
            "{installed}"
        );
        let reply = get(&haproxy, "alice", "/app/1");
        assert_eq!(
            (reply.status, reply.header("set-cookie")),
            (200, Some("seen=1")),
            "{installed}"
        );
        let reply = get(&haproxy, "alice", "/broken");
        let reason = Some("the service answered 500");
        assert_eq!(
            (reply.status, reply.var("txn.reason")),
            (503, reason),
            "{installed}"
        );
        // One wrong answer does not keep others from being asked.
        assert_eq!(
            haproxy
                .post("/a", "x")
                .header("authorization", "Bearer bob")
                .send()
                .status,
            200
        );
        nginx.wait_for_log("asked 204: GET http://");
        nginx.wait_for_log("/admin by 192.0.2.7");
        nginx.wait_for_log("asked 204: POST http://");
    }
}

#[test]
fn the_service_is_asked_once_about_equal_requests() {
    let port = free_port();
    let nginx = nginx(port);
    for (round, installed) in HaProxy::oldest_middle_newest().iter().enumerate() {
        let haproxy = start(installed, agent(port, &["--cache", "1h"]));
        let path = format!("/cached-{round}-");
        for name in ["a", "b", "a", "a", "b"] {
            assert_eq!(get(&haproxy, "alice", &format!("{path}{name}")).status, 200);
        }
        // An answer for one user does not count for another one.
        for _ in 0..2 {
            assert_eq!(get(&haproxy, "mallory", &format!("{path}a")).status, 401);
        }
        eventually("nginx has logged its answers", || asked(&nginx, &path) == 3);
        for request in haproxy.received() {
            assert_eq!(
                request.header("remote-user").as_deref(),
                Some("alice"),
                "{installed}"
            );
        }
    }
    let haproxy = start(&HaProxy::newest(), agent(port, &["--cache", "50ms"]));
    eventually("the answer no longer counts", || {
        assert_eq!(get(&haproxy, "alice", "/short").status, 200);
        asked(&nginx, "/short") >= 2
    });
}

#[test]
fn without_its_service_the_agent_denies_until_it_is_back() {
    let port = free_port();
    for installed in HaProxy::oldest_middle_newest() {
        let begin = Instant::now();
        // Down at the start.
        let haproxy = start(&installed, agent(port, &["--cache", "1h"]));
        let reply = get(&haproxy, "alice", "/");
        let away = (503, Some("the service is away"));
        assert_eq!((reply.status, reply.var("txn.reason")), away, "{installed}");
        let first = nginx(port);
        eventually("the service is asked", || {
            get(&haproxy, "alice", "/").status == 200
        });
        // Killed in the middle: answers in the cache still count.
        drop(first);
        assert_eq!(get(&haproxy, "alice", "/").status, 200, "{installed}");
        assert_eq!(get(&haproxy, "alice", "/new").status, 503, "{installed}");
        // Back again.
        let second = nginx(port);
        eventually("the service is asked again", || {
            get(&haproxy, "alice", "/new").status == 200
        });
        // One line for each outage, or for both if they follow within a second. A late answer is one more outage, but
        // there is one line a second at most.
        eventually("the log says that each outage is over", || {
            let log = haproxy.agent_log().join("\n");
            let lines = |text: &str| log.matches(text).count();
            let away = lines("the service is unavailable, handlers run without it");
            let most = 2 + begin.elapsed().as_secs() as usize;
            (1..=most).contains(&away) && lines("the service answers again") == away
        });
        drop(second);
    }
}

#[test]
fn a_service_that_hangs_costs_one_timeout_and_not_one_for_each_request() {
    let port = free_port();
    let nginx = nginx(port);
    let options = ["--cache", "0", "--service-retry", "10s"];
    let haproxy = start(&HaProxy::newest(), agent(port, &options));
    eventually("the service is asked", || {
        get(&haproxy, "alice", "/").status == 200
    });
    nginx.pause();
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(&haproxy, "alice", "/").status, 503);
    }
    let elapsed = start.elapsed();
    // Half of what they take with one timeout for each.
    assert!(
        elapsed < Duration::from_secs(20),
        "20 requests took {elapsed:?}"
    );
    nginx.resume();
    eventually("the service is asked again", || {
        get(&haproxy, "alice", "/").status == 200
    });
}

#[test]
fn requests_without_an_answer_can_be_allowed() {
    let haproxy = start(
        &HaProxy::newest(),
        agent(free_port(), &["--allow-without-service"]),
    );
    let forged = haproxy.get("/").header("remote-user", "root").send();
    assert_eq!(forged.status, 200);
    assert_eq!(haproxy.received()[0].header("remote-user"), None);
}

#[test]
fn a_wrong_answer_of_the_service_denies_the_request() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nremote-user: \x01\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    ] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in server.incoming().flatten() {
                stream.write_all(answer.as_bytes()).ok();
            }
        });
        let haproxy = start(&HaProxy::newest(), agent(port, &[]));
        for _ in 0..3 {
            assert_eq!(get(&haproxy, "alice", "/").status, 503, "{answer:?}");
        }
    }
}

#[test]
fn a_long_body_of_a_denial_is_not_a_failure_of_the_service() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 403 Forbidden\r\ncontent-length: 200000\r\n\r\n";
            stream.write_all(head.as_bytes()).ok();
            stream.write_all(&[b'x'; 200_000]).ok();
            // Until the agent closes: a connection with unread bytes would be reset.
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let open = ["--allow-without-service", "--cache", "0"];
    let haproxy = start(&HaProxy::newest(), agent(port, &open));
    for _ in 0..3 {
        assert_eq!(get(&haproxy, "alice", "/").status, 403);
    }
}

#[test]
fn a_header_with_a_control_character_denies_the_request() {
    let port = free_port();
    let nginx = nginx(port);
    for installed in HaProxy::oldest_middle_newest() {
        // Rules that fail open.
        let haproxy = HaProxy::program(agent(port, &[]))
            .rules("    bind 127.0.0.1:8080")
            .on(&installed)
            .start();
        for cookie in ["a=\x01", "a=\x7f"] {
            let request = haproxy.get("/control").header("cookie", cookie);
            assert_eq!(request.send().status, 403, "{installed}");
        }
    }
    assert_eq!(asked(&nginx, "/control"), 0);
}

#[test]
fn a_client_cannot_forge_what_the_agent_says_about_it() {
    let mut agent = agent(1, &["--pass", "cookie,x-forwarded-for"]);
    let output = agent.arg("check").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains("option `--pass`"), "{error}");
}

#[test]
fn metrics_say_where_the_answers_came_from() {
    let port = free_port();
    let _nginx = nginx(port);
    let admin = format!("127.0.0.1:{}", free_port());
    let haproxy = start(
        &HaProxy::newest(),
        agent(port, &["--admin", &admin, "--cache", "1h"]),
    );
    for user in ["alice", "alice", "nobody"] {
        get(&haproxy, user, "/");
    }
    let text = http_get(&admin, "/metrics").text();
    for line in [
        "forward_auth_requests_total{outcome=\"allow\",source=\"service\"} 1",
        "forward_auth_requests_total{outcome=\"allow\",source=\"cache\"} 1",
        "forward_auth_requests_total{outcome=\"deny\",source=\"service\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn options_that_cannot_work_are_refused() {
    for (option, value, problem) in [
        ("--service", "https://127.0.0.1/", "begins with `http://`"),
        ("--service-timeout", "3s", "at most 2s"),
    ] {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_forward-auth"));
        agent.env("SPOA_SERVICE", "http://127.0.0.1:1/");
        let output = agent.args(["check", option, value]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_forward-auth"));
    config.args([
        "config",
        "--haproxy",
        "2.6",
        "--fail",
        "closed",
        "--rules",
        "site.cfg",
    ]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
