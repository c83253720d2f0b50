//! Runs the agent with real HAProxies, and a server that is slow, away, killed, or answers nonsense.

use spoa::testing::{HaProxy, InstalledHaProxy, Reply, Service, eventually, free_port, http_get};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server that keeps the requests that it receives, until the process ends.
#[derive(Clone, Default)]
struct Mirror(Arc<Mutex<Vec<String>>>);

impl Mirror {
    /// Starts a server. It gives each connection an answer after a request; none if it hangs.
    fn start(port: u16, answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let mirror = Mirror::default();
        let received = mirror.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = received.clone();
                std::thread::spawn(move || received.serve(stream, answer));
            }
        });
        mirror
    }

    fn serve(&self, mut stream: TcpStream, answer: Option<&str>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let (mut request, mut length) = (String::new(), 0);
            while !request.ends_with("\r\n\r\n") {
                let start = request.len();
                if !reader
                    .read_line(&mut request)
                    .is_ok_and(|length| length > 0)
                {
                    return;
                }
                if let Some(value) = request[start..].strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            request.push_str(&String::from_utf8(body).unwrap());
            self.0.lock().unwrap().push(request);
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                None => continue,
            }
        }
    }

    /// Waits for a request with a text.
    fn wait_for(&self, text: &str) -> String {
        eventually(text, || {
            let received = self.0.lock().unwrap();
            received
                .iter()
                .find(|request| request.contains(text))
                .cloned()
        })
    }

    fn received(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

const OK: Option<&str> = Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/// An agent, and the address of its metrics.
fn agent(port: u16, options: &[&str]) -> (Command, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirror"));
    let admin = format!("127.0.0.1:{}", free_port());
    command.args([
        "--to",
        &format!("http://127.0.0.1:{port}"),
        "--admin",
        &admin,
    ]);
    command.env("SPOA_TO_RETRY", "200ms").args(options);
    (command, admin)
}

fn start(haproxy: &InstalledHaProxy, agent: Command) -> HaProxy {
    let rules = HaProxy::program(agent).rules("    bind 127.0.0.1:8080");
    rules.on(haproxy).start()
}

/// Returns how many copies had a result.
fn copies(admin: &str, result: &str) -> usize {
    let text = http_get(admin, "/metrics").text();
    let name = format!("mirror_copies_total{{result=\"{result}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn the_server_gets_each_request() {
    let port = free_port();
    let mirror = Mirror::start(port, OK);
    for installed in HaProxy::oldest_middle_newest() {
        let (agent, admin) = agent(port, &[]);
        let haproxy = start(&installed, agent);
        let version = installed.version();
        let reply = haproxy
            .get(&format!("/get?{version}"))
            .header("x-a", "b")
            .send();
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "hello\n"),
            "{installed}"
        );
        let copy = mirror.wait_for(&format!("/get?{version} "));
        assert!(
            copy.starts_with("GET ") && copy.contains("\r\nx-a: b\r\n"),
            "{copy}"
        );
        assert!(copy.contains("x-forwarded-for: 127.0.0.1\r\n"), "{copy}");
        assert!(copy.contains("host: localhost\r\n"), "{copy}");

        let reply = haproxy.post(&format!("/post?{version}"), "a=1&b=2").send();
        assert_eq!(reply.status, 200, "{installed}");
        let copy = mirror.wait_for(&format!("/post?{version} "));
        assert!(
            copy.starts_with("POST ") && copy.ends_with("\r\n\r\na=1&b=2"),
            "{copy}"
        );
        eventually("both have their answer", || copies(&admin, "answered") == 2);
    }
}

#[test]
fn a_body_that_is_not_complete_is_not_sent() {
    let port = free_port();
    let mirror = Mirror::start(port, OK);
    for installed in HaProxy::oldest_middle_newest() {
        let (agent, admin) = agent(port, &[]);
        let haproxy = start(&installed, agent);
        let before = mirror.received();
        assert_eq!(
            haproxy.post("/large", vec![b'a'; 100_000]).send().status,
            200,
            "{installed}"
        );
        eventually("it is counted", || copies(&admin, "incomplete") == 1);
        let chunks = "POST /chunks HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        assert_eq!(haproxy.raw(chunks).send().status, 200, "{installed}");
        eventually("it is counted", || copies(&admin, "incomplete") == 2);
        assert_eq!(mirror.received(), before, "{installed}");
    }
}

#[test]
fn a_slow_server_delays_no_request_and_drops_are_counted() {
    let port = free_port();
    let mirror = Mirror::start(port, None);
    for installed in HaProxy::oldest_middle_newest() {
        let before = mirror.received();
        let (agent, admin) = agent(port, &["--max-after-work", "5", "--to-timeout", "1h"]);
        let haproxy = start(&installed, agent);
        let start = Instant::now();
        for _ in 0..20 {
            assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        eventually("drops are counted", || copies(&admin, "dropped") == 15);
        eventually("five copies arrive", || mirror.received() == before + 5);
    }
}

#[test]
fn copies_are_sent_again_when_the_server_is_back() {
    for installed in HaProxy::oldest_middle_newest() {
        let port = free_port();
        // Down at the start.
        let (agent, admin) = agent(port, &["--to-timeout", "300ms"]);
        let haproxy = start(&installed, agent);
        assert_eq!(haproxy.get("/").send().status, 200, "{installed}");
        haproxy.wait_for_agent_log("the mirror is unavailable");
        eventually("it is counted", || copies(&admin, "failed") == 1);
        let mirror = Mirror::start(port, OK);
        // The answer to a copy may be late on a busy machine: another copy is sent then.
        eventually("a copy is answered", || {
            assert_eq!(haproxy.get("/back").send().status, 200, "{installed}");
            copies(&admin, "answered") > 0
        });
        assert!(mirror.received() > 0, "{installed}");
        haproxy.wait_for_agent_log("the mirror answers again");
    }
}

/// Starts an nginx that answers each request.
fn nginx(port: u16) -> Service {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(port.to_string());
    fs::create_dir_all(&folder).unwrap();
    let config = include_str!("nginx.conf").replace("8099", &port.to_string());
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]);
    Service::start(command.arg(&folder), port)
}

/// Ends the clients when the test ends, also when it fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_server_that_is_killed_loses_only_copies() {
    for installed in HaProxy::oldest_middle_newest() {
        let port = free_port();
        let first = nginx(port);
        let (agent, admin) = agent(port, &[]);
        let haproxy = HaProxy::program(agent)
            .rules("    bind 127.0.0.1:8080")
            .server(|request| Reply::new(200, request.target.clone()))
            .on(&installed)
            .start();
        let (ended, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let end = End(&ended);
            for _ in 0..3 {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        let target = format!("/{}", sent.fetch_add(1, Ordering::Relaxed));
                        let reply = haproxy.get(&target).send();
                        // Each client has the answer to its own request.
                        assert_eq!((reply.status, reply.text()), (200, target), "{installed}");
                    }
                });
            }
            eventually("copies are answered", || copies(&admin, "answered") >= 20);
            drop(first);
            eventually("copies fail", || copies(&admin, "failed") >= 20);
            let (answered, _second) = (copies(&admin, "answered"), nginx(port));
            eventually("copies are answered again", || {
                copies(&admin, "answered") >= answered + 20
            });
            drop(end);
        });
        // Every request reached its server, and every copy is counted.
        let sent = sent.into_inner();
        assert_eq!(haproxy.received().len(), sent, "{installed}");
        eventually("all copies are counted", || {
            let results = ["answered", "dropped", "failed", "incomplete"];
            results
                .map(|result| copies(&admin, result))
                .iter()
                .sum::<usize>()
                == sent
        });
        assert_eq!(copies(&admin, "incomplete"), 0, "{installed}");
    }
}

#[test]
fn wrong_answers_are_failures_and_change_nothing_for_clients() {
    for answer in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2", "\r\n\r\n\r\n"] {
        let port = free_port();
        let _mirror = Mirror::start(port, Some(answer));
        let (agent, admin) = agent(port, &["--to-timeout", "300ms"]);
        let haproxy = start(&HaProxy::newest(), agent);
        for _ in 0..3 {
            assert_eq!(haproxy.get("/").send().status, 200);
        }
        eventually("all are counted", || copies(&admin, "failed") == 3);
    }
    // An error of the server is an answer.
    let port = free_port();
    let error = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    let _mirror = Mirror::start(port, Some(error));
    let (agent, admin) = agent(port, &[]);
    let haproxy = start(&HaProxy::newest(), agent);
    assert_eq!(haproxy.get("/").send().status, 200);
    eventually("it is counted", || copies(&admin, "answered") == 1);
}

#[test]
fn an_address_that_cannot_work_is_refused() {
    let (mut agent, _) = agent(1, &[]);
    let output = agent
        .env("SPOA_TO", "x")
        .args(["check", "--to", "https://a/"]);
    let output = output.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("option `--to`"), "{error}");
}

#[test]
fn the_configuration_is_what_config_writes() {
    let mut config = Command::new(env!("CARGO_BIN_EXE_mirror"));
    config.args(["config", "--haproxy", "2.6", "--rules", "site.cfg"]);
    let diff = config.args(["--output", ".", "--diff"]).output().unwrap();
    assert_eq!(
        String::from_utf8(diff.stdout).unwrap(),
        "nothing would change\n"
    );
}
